package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"ptyx/export/variant"
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
)

// ExportOptions is a variant of a model, tried before it is written.
type ExportOptions struct {
	Model, Output string
	Variant       variant.Options
	Scan          string // whose first patterns it is tried on; empty: patterns that the contract's probe makes of random objects
	Input         dataset.InputKind
	Layout        dataset.Orientation
	View          dataset.View
	Engine        engine.Options
}

// tried is how many samples a variant is tried on.
const tried = 8

// ExportResult is what an export did.
type ExportResult struct {
	File    string  `json:"file"`
	Bytes   int     `json:"bytes"`
	Before  int     `json:"model_bytes"`        // of the model that it was made of
	Largest float64 `json:"largest_difference"` // of a pixel of a patch, between the two models
	RMS     float64 `json:"rms_difference"`
}

func (r ExportResult) String() string {
	return fmt.Sprintf("%s: %d bytes of %d, patches differ by %.2g at most, %.2g RMS", r.File, r.Bytes, r.Before, r.Largest, r.RMS)
}

// Export writes a variant of a model that agrees with the model.
func Export(ctx context.Context, o ExportOptions, log *slog.Logger) (*ExportResult, error) {
	if err := o.Variant.Check(); err != nil {
		return nil, err
	}
	if err := destination.File("OUT", o.Output); err != nil {
		return nil, err
	}
	model, _, c, err := contract.Load(o.Model)
	if err != nil {
		return nil, err
	}
	changed, err := variant.Make(model, o.Variant)
	if err != nil {
		return nil, ofFile(err, o.Model)
	}
	patterns, err := o.patterns(c, log)
	if err != nil {
		return nil, err
	}
	apart, err := o.compare(model, changed, c, patterns)
	if err != nil {
		return nil, ofFile(err, o.Model)
	}
	if !(apart.RMS <= o.Variant.Tolerance()) {
		return nil, &badinput.Error{File: o.Model, Found: fmt.Sprintf("a variant whose patches lie %.2g (RMS) from the model's", apart.RMS),
			Expected: fmt.Sprintf("at most %g", o.Variant.Tolerance()), Remedy: "leave out --fp16, if it was given"}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := destination.WriteFile(o.Output, changed, 0o644); err != nil {
		return nil, err
	}
	return &ExportResult{File: o.Output, Bytes: len(changed), Before: len(model), Largest: apart.Largest, RMS: apart.RMS}, nil
}

// compare runs both models on the same patterns, one after the other.
func (o ExportOptions) compare(model, changed []byte, c contract.Contract, patterns *ndarray.Float32) (predict.Difference, error) {
	first, release, err := local.Open(o.Engine, model)
	if err != nil {
		return predict.Difference{}, err
	}
	second, releaseSecond, err := local.Open(o.Engine, changed)
	if err != nil {
		return predict.Difference{}, errors.Join(fmt.Errorf("the variant: %w", err), first.Close(), release())
	}
	apart, err := predict.Compare(first, second, c, patterns)
	return apart, errors.Join(err, second.Close(), first.Close(), releaseSecond(), release())
}

// patterns are what the variant is tried on, (B, C, N, N).
func (o ExportOptions) patterns(c contract.Contract, log *slog.Logger) (*ndarray.Float32, error) {
	if o.Scan == "" {
		return predict.RandomPatterns(c, tried, 0), nil
	}
	scan, err := dataset.Open(o.Scan, dataset.Options{Input: o.Input, Orientation: o.Layout, View: o.View, NoProbe: true, NoObject: true, Log: log})
	if err != nil {
		return nil, err
	}
	defer scan.Close()
	if err := reconstruct.Fits(scan, c); err != nil {
		return nil, err
	}
	ids := make([]int, tried*c.Channels)
	for i := range ids {
		ids[i] = i % scan.M
	}
	frames, err := scan.LoadSelected(ids)
	if err != nil {
		return nil, err
	}
	out := ndarray.New[float32](tried, c.Channels, c.N, c.N)
	copy(out.Data, frames.Data)
	return out, nil
}
