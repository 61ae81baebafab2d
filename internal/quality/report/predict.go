package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/reconstruct"
)

// prediction is a pattern beside the one that object and probe predict: amplitudes (N, N), square roots of photons.
type prediction struct {
	id                  int
	measured, predicted []float32
	misfit              float64 // sum (|F| - d)^2 / sum d^2
}

// mostChecked is the largest number of pixels of patterns that are compared with predictions.
const mostChecked = 1 << 20

// predictions compares patterns, evenly spread over the scan, with those that the stitched object predicts, best first.
func (s Source) predictions(r *reconstruct.Result) ([]prediction, error) {
	n := s.Scan.N
	ids := spread(r.IDs, max(1, mostChecked/(n*n)))
	patterns, err := s.Scan.LoadSelected(ids)
	if err != nil {
		return nil, fmt.Errorf("reading patterns for the report: %w", err)
	}
	scale, err := s.exposure()
	if err != nil {
		return nil, err
	}
	propagator := optics.NewPropagator(n)
	var out []prediction
	for i, id := range ids {
		p := prediction{id: id, measured: patterns.Data[i*n*n : (i+1)*n*n]}
		for k := range p.measured {
			p.measured[k] *= scale
		}
		p.predicted = s.predict(propagator, r, s.Scan.X[id], s.Scan.Y[id])
		wrong, all := 0.0, 0.0
		for k, d := range p.measured {
			e := float64(p.predicted[k]) - float64(d)
			wrong, all = wrong+e*e, all+float64(d)*float64(d)
		}
		if p.misfit = wrong / all; all > 0 { // not dark
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b prediction) int { return cmp.Compare(a.misfit, b.misfit) })
	return out, nil
}

// spread takes at most count of a list, evenly, each at most once.
func spread(ids []int64, count int) []int {
	var out []int
	count = min(count, len(ids))
	for i := range count {
		out = append(out, int(ids[i*len(ids)/count]))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// exposure multiplies amplitudes to give square roots of photons: 1 if the data hold counts.
func (s Source) exposure() (float32, error) {
	if s.Photons == 0 {
		return 1, nil
	}
	power, err := s.Scan.MeanPower()
	return float32(math.Sqrt(s.Photons / power)), err
}

// predict is |FFT2(P O)| / N of the patch at (x, y), zero frequency at [N/2, N/2].
func (s Source) predict(propagator *optics.Propagator, r *reconstruct.Result, x, y float64) []float32 {
	n := s.Scan.N
	patch := patchOf(r, frame.Pixel(y)-n/2, frame.Pixel(x)-n/2, n)
	probe := optics.ShiftProbe(s.Contract.Probe, frame.Fraction(y), frame.Fraction(x))
	intensity := make([]float64, n*n)
	propagator.Intensity(optics.ExitWave(probe, patch), intensity)
	out := make([]float32, n*n)
	for i, v := range intensity {
		out[i] = float32(math.Sqrt(v))
	}
	return out
}

// patchOf is the patch (n, n) of the object whose first pixel is (row, col) in the scan's frame; 0 beyond the object.
func patchOf(r *reconstruct.Result, row, col, n int) *ndarray.Complex64 {
	patch := ndarray.New[complex64](n, n)
	h, w := r.Object.Shape[0], r.Object.Shape[1]
	for i := range patch.Data {
		if y, x := row-r.Row+i/n, col-r.Col+i%n; y >= 0 && y < h && x >= 0 && x < w {
			patch.Data[i] = r.Object.Data[y*w+x]
		}
	}
	return patch
}

// medianMisfit is the misfit of the middle one of sorted predictions.
func medianMisfit(sorted []prediction) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[len(sorted)/2].misfit
}
