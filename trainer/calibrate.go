package trainer

import (
	"context"
	"fmt"

	"ptyx/internal/calibrate"
	"ptyx/internal/ndarray"
)

// probes are the scans' probes with which training begins: as given, or, if they are to be learnt, calibrated on the patterns
// to train on. A resumed training has its probes in its state, and where the truth is known nothing is learnt of a probe.
func (r Request) probes(ctx context.Context, train *Data) ([]*ndarray.Complex64, error) {
	probes := scans(r.Scans).probes()
	if !r.Config.learnsProbe() || r.Config.ProbePasses == 0 || r.Resume != "" {
		return probes, nil
	}
	for i, scan := range r.Scans {
		result, err := calibrate.Probe(ctx, train.central(i), scan.Probe, r.Config.ProbePasses, r.Config.Seed)
		if err != nil {
			return nil, fmt.Errorf("calibrating the probe of %s: %w", scan.Path, err)
		}
		first, last := result.Residual[0], result.Residual[len(result.Residual)-1]
		if !(last < first) {
			r.Log.Warn("the probe was not calibrated: no better one was found", "scan", scan.Path, "residual", first, "calibrated", last)
			continue
		}
		r.Log.Info("probe calibrated", "scan", scan.Path, "residual", fmt.Sprintf("%.4f", first), "calibrated", fmt.Sprintf("%.4f", last))
		probes[i] = result.Probe
	}
	return probes, nil
}

// central are the patterns of a scan near its middle.
func (d *Data) central(scan int) calibrate.Data {
	var all []int
	var x, y []float64
	for slot, of := range d.Scan {
		if of == scan {
			all, x, y = append(all, slot), append(x, d.X[slot]), append(y, d.Y[slot])
		}
	}
	var out calibrate.Data
	n := d.Patterns.Shape[1]
	chosen := calibrate.Central(x, y)
	out.Patterns = ndarray.New[float32](len(chosen), n, n)
	for k, i := range chosen {
		copy(out.Patterns.Data[k*n*n:(k+1)*n*n], d.Patterns.Data[all[i]*n*n:])
		out.X, out.Y = append(out.X, x[i]), append(out.Y, y[i])
	}
	return out
}
