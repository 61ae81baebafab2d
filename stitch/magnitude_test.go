package stitch_test

import (
	"errors"
	"math/cmplx"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/stitch"
)

// TestLargeValuesInTheDark: where the probe is dim, the pattern does not bound the object. Such values do not cost the
// patch. Where it is bright, they do.
func TestLargeValuesInTheDark(t *testing.T) {
	weights := ndarray.Wrap([]float32{1, 1, 1, 0.03}, 2, 2)
	for name, c := range map[string]struct {
		patch []complex64
		fails bool
		last  complex64 // of the object, where the weight is least
	}{
		"dim":    {[]complex64{1, 1, 1, 6 + 8i}, false, 2.4 + 3.2i},
		"bright": {[]complex64{6 + 8i, 1, 1, 1}, true, 0},
	} {
		canvas, err := stitch.NewCanvas([]float64{1}, []float64{1}, 2, weights)
		if err != nil {
			t.Fatal(err)
		}
		if canvas.Usable(c.patch) == c.fails {
			t.Errorf("%s: usable %v", name, !c.fails)
		}
		before := c.patch[3]
		if err := canvas.Add(0, 1, 1, c.patch); errors.Is(err, stitch.ErrValue) != c.fails {
			t.Errorf("%s: error %v", name, err)
		}
		// Fixed-point sums round to 2^-24.
		if got := canvas.Object().Data[3]; !(cmplx.Abs(complex128(got-c.last)) < 1e-6) {
			t.Errorf("%s: the object is %v, want %v", name, got, c.last)
		}
		if c.patch[3] != before {
			t.Errorf("%s: Add changed the patch", name)
		}
	}
}
