package spectrum_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"ptyx/internal/physics/spectrum"
)

// TestInversionCentre finds the centre of light that is even about it, for any shape of the light and of the image,
// also between pixels. A gap beside the centre does not move it.
func TestInversionCentre(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 5))
	for range 20 {
		h, w := 30+rng.IntN(40), 30+rng.IntN(40)
		row, col := float64(h)*(0.3+0.4*rng.Float64()), float64(w)*(0.3+0.4*rng.Float64())
		k, tilt := 0.2+0.3*rng.Float64(), rng.Float64()
		image, known := make([]float64, h*w), make([]bool, h*w)
		for i := range image {
			y, x := float64(i/w)-row, float64(i%w)-col
			known[i] = math.Abs(x-3) > 1.5
			image[i] = math.Exp(-(x*x+y*y+tilt*x*y)/30) * (1.2 + math.Cos(k*(x-2*y)))
		}
		for _, known := range [][]bool{nil, known} {
			r, c := spectrum.InversionCentre(image, known, h, w)
			if math.Abs(r-row) > 0.5 || math.Abs(c-col) > 0.5 {
				t.Errorf("%d x %d: centre (%.2f, %.2f), expected (%.2f, %.2f)", h, w, r, c, row, col)
			}
		}
	}
	if r, c := spectrum.InversionCentre(make([]float64, 12), nil, 3, 4); r != 0 || c != 0 {
		t.Errorf("no light has the centre (%g, %g)", r, c)
	}
}
