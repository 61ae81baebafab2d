package solve

import (
	"math"
	"testing"

	"ptyx/internal/base/ndarray"
)

// square is a bright square of the given side in the middle of (32, 32).
func square(side int) *ndarray.Complex64 {
	probe := ndarray.New[complex64](32, 32)
	for r := range side {
		for c := range side {
			probe.Data[(16-side/2+r)*32+16-side/2+c] = 2i
		}
	}
	return probe
}

// Squares of 8 pixels share 1 - d/8 of their light at a distance of d along an axis.
func TestCommonLight(t *testing.T) {
	share := func(a float64) float64 { return a * (1 - a) }
	for name, c := range map[string]struct {
		x, y []float64
		want float64
	}{
		"no pattern":          {nil, nil, 0},
		"one pattern":         {[]float64{3}, []float64{4}, 0},
		"repeated":            {[]float64{3, 3, 3}, []float64{4, 4, 4}, 0},
		"far apart":           {[]float64{0, 9, 18}, []float64{0, 0, 0}, 0},
		"beyond the array":    {[]float64{0, 62}, []float64{0, 0}, 0},
		"half a square apart": {[]float64{0, 4}, []float64{0, 0}, share(0.5)},
		"along both axes":     {[]float64{0, -2}, []float64{0, 2}, share(0.75 * 0.75)},
		"rounded":             {[]float64{0, 2.2}, []float64{0, 0}, share(0.75)},
		"median of a row":     {[]float64{0, 4, 8, 12, 16}, []float64{0, 0, 0, 0, 0}, 2 * share(0.5)},
	} {
		if got := CommonLight(c.x, c.y, square(8)); !(math.Abs(got-c.want) < 1e-12) { // rounding of the transform
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := CommonLight([]float64{0, 1}, []float64{0, 0}, ndarray.New[complex64](2, 8, 8)); got != 0 {
		t.Errorf("a dark probe: %v", got)
	}
}
