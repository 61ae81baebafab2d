package trainer

import (
	"context"
	"fmt"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/guess"
	"ptyx/internal/recon/solve"
)

// probes are the scans' probes with which training begins: as given, or, if they are to be learnt, calibrated on the
// patterns to train on. A given one that is far off is replaced before. A resumed training has its probes in its state,
// and where the truth is known nothing is learnt of a probe.
func (r Request) probes(ctx context.Context, train *Data) ([]*ndarray.Complex64, error) {
	probes := scans(r.Scans).probes()
	if !r.Config.learnsProbe() || r.Config.ProbePasses == 0 || r.Resume != "" {
		return probes, nil
	}
	for i, scan := range r.Scans {
		problem, err := train.central(i, scan.N)
		if err != nil {
			return nil, err
		}
		problem.Measured = scan.Measured
		problem.Probe, err = guess.Better(ctx, scan, scan.Probe, r.Config.Seed, "--probe-passes 0", r.Log)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", scan.Path, err)
		}
		result, err := solve.Calibrate(ctx, problem, r.Config.ProbePasses, r.Config.Seed, r.Config.Threads, r.Engine)
		if err != nil {
			return nil, fmt.Errorf("calibrating the probe of %s: %w", scan.Path, err)
		}
		result.Log(r.Log, scan.Path, scan.Geometry.Sampling(scan.N))
		probes[i] = result.Probe
	}
	return probes, nil
}

// central are the patterns of a scan near its middle.
func (d *Data) central(scan, n int) (solve.Problem, error) {
	var out solve.Problem
	places := d.centralPlaces(scan, n)
	for _, place := range places {
		out.X, out.Y = append(out.X, d.X[place]), append(out.Y, d.Y[place])
	}
	patterns, err := d.images(places, n)
	out.Patterns = solve.Amplitudes{Float32: patterns}
	return out, err
}

// centralPlaces lists the places of the patterns near a scan's middle, as many as a calibration takes.
func (d *Data) centralPlaces(scan, n int) []int {
	all := d.placesOf(scan)
	var x, y []float64
	for _, place := range all {
		x, y = append(x, d.X[place]), append(y, d.Y[place])
	}
	var places []int
	for _, i := range solve.Central(x, y, solve.CalibrationPatterns(n)) {
		places = append(places, all[i])
	}
	return places
}
