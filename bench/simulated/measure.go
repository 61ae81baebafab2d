package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"gonum.org/v1/gonum/stat"

	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
)

// measure compares the object in a directory with the truth that a scan carries, by ptyx eval.
func (b *bench) measure(ctx context.Context, dir, scan string) (measures, error) {
	recon := filepath.Join(dir, "reconstruction.npz")
	var own metrics.Report
	if err := b.eval(ctx, evaluate.Ptyx, recon, scan, &own); err != nil {
		return measures{}, err
	}
	var pinn metrics.CompatReport
	if err := b.eval(ctx, evaluate.PINNCompat, recon, scan, &pinn); err != nil {
		return measures{}, err
	}
	phase, truth, err := deviations(recon, scan)
	return measures{
		Correlation:   own.Correlation,
		SSIMAmplitude: own.Amplitude.SSIM, SSIMPhase: own.Phase.SSIM,
		PSNRAmplitude: own.Amplitude.PSNR, PSNRPhase: own.Phase.PSNR,
		Resolution:    own.FRC.AtHalfBit.Frequency,
		PINNSSIMPhase: pinn.Phase.SSIM, PhaseDeviation: phase, TruePhaseDeviation: truth,
	}, err
}

func (b *bench) eval(ctx context.Context, convention evaluate.Convention, recon, reference string, into any) error {
	out, err := b.call(ctx, command{"eval", "--recon", recon, "--reference", reference, "--json", "--convention", string(convention)})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(out, into); err != nil {
		return fmt.Errorf("reading what ptyx eval prints: %w", err)
	}
	return nil
}

// aligned brings a reconstruction onto a reference.
func aligned(recon, reference string) (*metrics.Aligned, error) {
	a, err := evaluate.Load(recon)
	if err != nil {
		return nil, err
	}
	r, err := evaluate.Load(reference)
	if err != nil {
		return nil, err
	}
	return metrics.Align(a.Image, r.Image, metrics.Options{})
}

// deviations are the standard deviations of the phases of a reconstruction and its reference over the compared region.
func deviations(recon, reference string) (phase, truth float64, err error) {
	pair, err := aligned(recon, reference)
	if err != nil {
		return 0, 0, err
	}
	p, t := pair.Phases()
	return stat.StdDev(p, nil), stat.StdDev(t, nil), nil
}
