package spectrum_test

import (
	"math"
	"testing"

	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/spectrum"
)

// TestCentroidMovesWithTheLight holds also across the border.
func TestCentroidMovesWithTheLight(t *testing.T) {
	const n = 8
	spot := func(row, col int) []float64 {
		image := make([]float64, n*n)
		for i, v := range []float64{1, 2, 1} {
			image[(row+i-1+n)%n*n+col] = v
		}
		return image
	}
	for row := range n {
		r, c, sharpness := spectrum.Centroid(spot(row, 3), n)
		if apart := math.Remainder(r-float64(row), n); !testutil.Close(apart, 0, 1e-12, 0) ||
			!testutil.Close(c, 3, 1e-12, 0) {
			t.Errorf("light at row %d, column 3 has its centroid at (%g, %g)", row, r, c)
		}
		if !(sharpness > 0.8 && sharpness < 1) {
			t.Errorf("sharpness %g", sharpness)
		}
	}
	even := make([]float32, n*n)
	for i := range even {
		even[i] = 1
	}
	if _, _, sharpness := spectrum.Centroid(even, n); !(sharpness < 1e-12) {
		t.Errorf("even light has a sharpness of %g", sharpness)
	}
}
