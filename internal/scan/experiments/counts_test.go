package experiments

import (
	"math"
	"testing"

	"ptyx/internal/base/stream"
)

// TestCountsArePoissons: mean and variance are equal, in every branch.
func TestCountsArePoissons(t *testing.T) {
	t.Parallel()
	const draws = 40000
	w := newWorkspace(8)
	w.Rand = stream.New(1, "experiments/test")
	for _, mean := range []float64{1e-5, 0.03, 0.7, 9.9, 10.1, 300, 1001, 1e6} {
		sum, squares := 0.0, 0.0
		for range draws {
			d := w.counts(mean) - mean
			sum, squares = sum+d, squares+d*d
		}
		error := 5 * math.Sqrt(mean/draws)
		if d := sum / draws; math.Abs(d) > error {
			t.Errorf("mean %g: off by %g, more than %g", mean, d, error)
		}
		// The fourth moment of a Poisson distribution is mean + 3 mean^2.
		error = 5 * math.Sqrt((mean+2*mean*mean)/draws)
		if v := squares / draws; math.Abs(v-mean) > error {
			t.Errorf("mean %g: variance %g, off by more than %g", mean, v, error)
		}
	}
}

// TestNoiseIsNormal: mean 0 and variance 1 in both parts, at the filter's frequencies.
func TestNoiseIsNormal(t *testing.T) {
	t.Parallel()
	w := newWorkspace(64)
	w.Rand = stream.New(1, "experiments/test")
	for _, c := range []struct {
		shape  filter
		cycles float64 // root mean square
	}{{bell(6), 6}, {band(10, 0.05), 10}} {
		cycles, sum, squares := 0.0, 0.0, 0.0
		for range 40 {
			cycles = w.noise(c.shape)
			for _, v := range w.area.wave {
				sum += real(v) + imag(v)
				squares += real(v)*real(v) + imag(v)*imag(v)
			}
		}
		samples := 2.0 * 40 * 64 * 64
		if math.Abs(sum/samples) > 1e-9 || math.Abs(squares/samples-1) > 0.05 {
			t.Errorf("mean %g, variance %g", sum/samples, squares/samples)
		}
		if math.Abs(cycles/c.cycles-1) > 0.02 {
			t.Errorf("%g cycles per window, want %g", cycles, c.cycles)
		}
	}
}
