package workflow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"ptyx/export"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
)

// ScanCorrelation is how well a network without training on a scan reconstructs it.
type ScanCorrelation struct {
	Step        float64 `json:"step"` // in widths of the probe
	Correlation float64 `json:"complex_correlation"`
}

// Scans that a pretraining is judged by: of blobs, with a zone plate's probe of a third of the window.
const (
	judgedPatterns = 100
	judgedPhotons  = 1e6
	judgedSeed     = 0x5ca
)

// judgedSteps are the distances of neighbouring positions, in widths of the probe.
func judgedSteps() []float64 { return []float64{0.4, 0.7, 1, 1.4} }

// heldOutScans are small simulated scans with their truth.
type heldOutScans struct {
	dir     string
	scans   []*dataset.Scan
	objects []metrics.Image
}

func newHeldOutScans(ctx context.Context, n int) (_ *heldOutScans, err error) {
	h := &heldOutScans{}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if h.dir, err = os.MkdirTemp("", "ptyx-pretrain-"); err != nil {
		return nil, fmt.Errorf("making room for held-out scans: %w", err)
	}
	width := float64(n) / 3
	for i, step := range judgedSteps() {
		data, err := simulate.Run(ctx, simulate.Options{
			N: n, Object: simulate.Blobs, Absorption: 0.4, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: width,
			Scan: simulate.Fermat, Count: judgedPatterns, Step: step * width, Photons: judgedPhotons, Seed: judgedSeed,
		})
		if err != nil {
			return nil, err
		}
		path := filepath.Join(h.dir, fmt.Sprintf("%d.npz", i))
		if err := dataset.Write(path, data); err != nil {
			return nil, err
		}
		scan, err := dataset.Open(path, dataset.Options{})
		if err != nil {
			return nil, err
		}
		h.scans, h.objects = append(h.scans, scan), append(h.objects, metrics.Image{Object: data.Object})
	}
	return h, nil
}

func (h *heldOutScans) close() {
	for _, s := range h.scans {
		s.Close()
	}
	if h.dir != "" {
		_ = os.RemoveAll(h.dir) // in the system's directory of temporary files
	}
}

// correlations reconstructs each scan with its own probe.
func (h *heldOutScans) correlations(
	ctx context.Context, e engine.Options, model []byte, log *slog.Logger,
) ([]ScanCorrelation, error) {
	var list []ScanCorrelation
	for i, scan := range h.scans {
		n := network{file: model}
		var err error
		if n.contract, err = export.ReadContract(model); err != nil {
			return nil, err
		}
		if err := (ProbeChoice{From: ScanProbe}).apply(ctx, &n, scan, 0, e, log); err != nil {
			return nil, err
		}
		var found *reconstruct.Result
		err = withPredictor(e, n.file, func(p predict.Predictor) (err error) {
			found, err = reconstruct.Run(ctx, p, scan, n.contract, reconstruct.Options{BatchSize: 8})
			return err
		})
		if err != nil {
			return nil, err
		}
		image := metrics.Image{Object: found.Object, Row: found.Row, Col: found.Col, Coverage: found.Coverage}
		report, err := metrics.Compare(image, h.objects[i], metrics.Options{})
		if err != nil && !errors.Is(err, metrics.ErrFlat) {
			return nil, err
		}
		list = append(list, ScanCorrelation{judgedSteps()[i], report.Correlation})
	}
	return list, nil
}
