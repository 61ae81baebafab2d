package simulate_test

import (
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/scan/simulate"
)

// halfPrecise is more than complex64 rounds and far less than any fault.
const halfPrecise = 1e-6

func TestObjectsHaveTheRequestedStrength(t *testing.T) {
	const h, w = 150, 131
	for _, kind := range []simulate.ObjectKind{simulate.Star, simulate.Lines, simulate.Blobs} {
		for _, strength := range []struct{ absorption, phase float64 }{{0.4, 1}, {0, 3}, {2, 0}, {0.1, -0.5}} {
			object, err := simulate.Object(kind, h, w, strength.absorption, strength.phase, 1)
			if err != nil {
				t.Fatal(err)
			}
			if !ndarray.SameShape(object.Shape, []int{h, w}) {
				t.Fatalf("%s: shape %v", kind, object.Shape)
			}
			thinnest, thickest := 1.0, 0.0
			for i, v := range object.Data {
				// The same thickness, between 0 and 1, lies behind amplitude and phase.
				a, p := cmplx.Abs(complex128(v)), cmplx.Phase(complex128(v))
				thickness := -math.Log(a) / strength.absorption
				if strength.absorption == 0 {
					thickness = p / strength.phase
				}
				wantA, wantP := math.Exp(-strength.absorption*thickness), strength.phase*thickness
				if !(thickness >= -halfPrecise && thickness <= 1+halfPrecise) ||
					!testutil.Close(a, wantA, halfPrecise, 0) || !testutil.Close(p, wantP, 10*halfPrecise, 0) {
					t.Fatalf("%s of %+v, pixel %d: amplitude %g, phase %g", kind, strength, i, a, p)
				}
				thinnest, thickest = min(thinnest, thickness), max(thickest, thickness)
			}
			if thinnest > 0.01 || thickest < 0.8 {
				t.Errorf("%s: thickness %g to %g", kind, thinnest, thickest)
			}
		}
	}
}

func TestObjectsAreDrawnFromTheSeed(t *testing.T) {
	for kind, drawn := range map[simulate.ObjectKind]bool{simulate.Star: false, simulate.Lines: true,
		simulate.Blobs: true} {
		draw := func(seed uint64) []complex64 {
			object, err := simulate.Object(kind, 90, 80, 0.4, 1, seed)
			if err != nil {
				t.Fatal(err)
			}
			return object.Data
		}
		if !slices.Equal(draw(1), draw(1)) {
			t.Errorf("%s: the same seed gives two objects", kind)
		}
		if slices.Equal(draw(1), draw(2)) == drawn {
			t.Errorf("%s: another seed changes it: %t", kind, !drawn)
		}
	}
}

// A star looks the same turned by half a turn, for its spokes are even in number, and mirrored.
func TestTheStarIsSymmetric(t *testing.T) {
	const h, w = 101, 90
	star, err := simulate.Object(simulate.Star, h, w, 0.4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for r := range h {
		for c := range w {
			v := complex128(star.Data[r*w+c])
			if turned := complex128(star.Data[(h-1-r)*w+w-1-c]); !(cmplx.Abs(v-turned) <= halfPrecise) {
				t.Fatalf("(%d, %d) is %v, turned %v", r, c, v, turned)
			}
		}
	}
}
