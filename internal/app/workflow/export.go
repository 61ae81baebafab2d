package workflow

import (
	"context"
	"fmt"
	"log/slog"

	"ptyx/export/variant"
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
)

// ExportOptions describe a variant of a model.
type ExportOptions struct {
	Model, Output string
	Variant       variant.Options
	Probe         ProbeChoice     // of a network that takes the probe
	Scan          string          // to test the variant on; empty: patterns of random objects under the model's probe
	Read          dataset.Options // how to read the scan
	Engine        engine.Options
}

// testSamples is the number of samples that a variant is tested on.
const testSamples = 8

// ExportResult describes a variant that was written.
type ExportResult struct {
	File    string  `json:"file"`
	Bytes   int     `json:"bytes"`
	Before  int     `json:"model_bytes"`        // of the original model
	Largest float64 `json:"largest_difference"` // of a pixel of a patch, between the two models
	RMS     float64 `json:"rms_difference"`
}

func (r ExportResult) String() string {
	return fmt.Sprintf("%s: %d bytes of %d, patches differ by %.2g at most, %.2g RMS",
		r.File, r.Bytes, r.Before, r.Largest, r.RMS)
}

// Export writes a variant of a model, after testing that it agrees with the model.
func Export(ctx context.Context, o ExportOptions, log *slog.Logger) (*ExportResult, error) {
	if err := o.Variant.Check(); err != nil {
		return nil, err
	}
	if err := destination.File("OUT", o.Output); err != nil {
		return nil, err
	}
	n, err := loadNetwork(o.Model)
	if err != nil {
		return nil, err
	}
	model := n.file
	if err := o.giveProbe(ctx, &n, log); err != nil {
		return nil, ofModel(err, o.Model)
	}
	changed, err := variant.Make(model, o.Variant)
	if err != nil {
		return nil, ofFile(err, o.Model)
	}
	patterns, err := o.patterns(n.contract, log)
	if err != nil {
		return nil, err
	}
	difference, err := o.compare(n.file, changed, n.contract, patterns)
	if err != nil {
		return nil, ofFile(err, o.Model)
	}
	if !(difference.RMS <= o.Variant.Tolerance()) {
		return nil, &badinput.Error{
			File: o.Model, Found: fmt.Sprintf("a variant whose patches differ by %.2g (RMS)", difference.RMS),
			Expected: fmt.Sprintf("at most %g", o.Variant.Tolerance()), Remedy: "omit --fp16, if it was given",
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := destination.WriteFile(o.Output, changed, 0o644); err != nil {
		return nil, err
	}
	return &ExportResult{o.Output, len(changed), len(model), difference.Largest, difference.RMS}, nil
}

// giveProbe gives the network and the variant the chosen probe. Its power is that of the scan's mean pattern; without a
// scan, that of the model's probe.
func (o *ExportOptions) giveProbe(ctx context.Context, n *network, log *slog.Logger) error {
	if err := o.Probe.check(); err != nil || o.Probe.ofModel() {
		return err
	}
	if o.Scan == "" {
		if err := o.Probe.applyFile(n, o.Read.View.Library, log); err != nil {
			return err
		}
	} else {
		scan, err := InferOptions{Scan: o.Scan, Read: o.Read, Probe: o.Probe}.open(n.contract.N, log)
		if err != nil {
			return err
		}
		defer scan.Close()
		if err := o.Probe.apply(ctx, n, scan, 0, o.Engine, log); err != nil {
			return err
		}
	}
	o.Variant.Probe = n.contract.Probe
	return nil
}

// compare runs both models on the same patterns, (B, C, N, N).
func (o ExportOptions) compare(
	model, changed []byte, c contract.Contract, patterns *ndarray.Float32,
) (difference predict.Difference, err error) {
	err = withPredictor(o.Engine, model, func(first predict.Predictor) error {
		err := withPredictor(o.Engine, changed, func(second predict.Predictor) (err error) {
			difference, err = predict.Compare(first, second, c, patterns)
			return err
		})
		if err != nil {
			return fmt.Errorf("the variant: %w", err)
		}
		return nil
	})
	return difference, err
}

// patterns are the inputs that the variant is tested on, (B, C, N, N).
func (o ExportOptions) patterns(c contract.Contract, log *slog.Logger) (*ndarray.Float32, error) {
	if o.Scan == "" {
		return predict.RandomPatterns(c, testSamples, 0), nil
	}
	read := o.Read
	read.Side = c.N
	scan, err := openPatterns(o.Scan, read, log)
	if err != nil {
		return nil, err
	}
	defer scan.Close()
	if err := reconstruct.Fits(scan, c); err != nil {
		return nil, err
	}
	ids := make([]int, testSamples*c.Channels)
	for i := range ids {
		ids[i] = i % scan.M
	}
	frames, err := scan.LoadSelected(ids) // (B*C, N, N)
	if err != nil {
		return nil, err
	}
	return ndarray.Wrap(frames.Data, testSamples, c.Channels, c.N, c.N), nil
}
