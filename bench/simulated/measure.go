package main

import (
	"path/filepath"

	"gonum.org/v1/gonum/stat"

	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
)

// measure compares the object in a directory with the truth that a scan carries, as ptyx eval does in both conventions.
func measure(dir, scan string) (measures, error) {
	options := evaluate.Options{Recon: filepath.Join(dir, evaluate.ReconstructionFile), Reference: scan}
	result, err := evaluate.Files(options)
	if err != nil {
		return measures{}, err
	}
	options.Convention = evaluate.PINNCompat
	compat, err := evaluate.Files(options)
	if err != nil {
		return measures{}, err
	}
	pair, err := aligned(options.Recon, scan)
	if err != nil {
		return measures{}, err
	}
	phase, truth := pair.Phases()
	own := result.Report
	return measures{
		Correlation:   own.Correlation,
		SSIMAmplitude: own.Amplitude.SSIM, SSIMPhase: own.Phase.SSIM,
		PSNRAmplitude: own.Amplitude.PSNR, PSNRPhase: own.Phase.PSNR,
		Resolution: own.FRC.AtHalfBit.Frequency, PINNSSIMPhase: compat.Compat.Phase.SSIM,
		PhaseDeviation: stat.StdDev(phase, nil), TruePhaseDeviation: stat.StdDev(truth, nil),
	}, nil
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
	if a, r, err = evaluate.Common(a, r); err != nil {
		return nil, err
	}
	return metrics.Align(a.Image, r.Image, metrics.Options{})
}
