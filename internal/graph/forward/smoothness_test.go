package forward_test

import (
	"math"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
)

func differences(n int) *ndarray.Float32 { return ndarray.Wrap(optics.DifferenceMatrix(n), n, n) }

// lit is light of mean 1 on each of the patches.
func lit(seed uint64, patches int) *ndarray.Float32 {
	w := testutil.Uniform(seed, 0, 1, patches, 1, n, n)
	for j := range patches {
		sum := 0.0
		for _, v := range w.Data[j*n*n : (j+1)*n*n] {
			sum += float64(v)
		}
		for i := range n * n {
			w.Data[j*n*n+i] *= float32(n * n / sum)
		}
	}
	return w
}

func wide(v []float32) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

func TestVariationAndItsGradientAreThoseOfPlainGo(t *testing.T) {
	const patches = 3
	object, light := randomParts(60, patches, 1, n, n), lit(61, patches)
	weight := ndarray.Wrap([]float32{0.5, 0.2, 0.3}, patches, 1, 1, 1)
	plain := func() float64 {
		loss := 0.0
		for j, w := range weight.Data {
			loss += float64(w) * variation(object.image(j, n), wide(light.Data[j*n*n:(j+1)*n*n]),
				forward.VariationFloor)
		}
		return loss
	}
	b := newBench(t)
	leaves := b.feedPair(object)
	loss := forward.Variation(leaves, b.feed(differences(n)), b.feed(light), b.feed(weight))
	grads := program.Gradients(loss, []*gorgonia.Node{leaves.Re, leaves.Im})
	got := b.compute(loss, grads[0], grads[1])
	if want := plain(); !testutil.Close(float64(got[0].Data[0]), want, 0, tolerance) {
		t.Errorf("variation %g, plain Go %g", got[0].Data[0], want)
	}
	for i, a := range []*ndarray.Float32{object.re, object.im} {
		checkSlopes(t, []string{"real part", "imaginary part"}[i], got[1+i], a, every(3), plain)
	}
}

func TestVariationOfFlatPatchesIsZero(t *testing.T) {
	// A constant has no steps, whatever its phase, and steps where no light falls do not count.
	object := parts{ndarray.New[float32](2, 1, n, n), ndarray.New[float32](2, 1, n, n)}
	light := ndarray.New[float32](n, n)
	for i := range n * n {
		object.re.Data[i], object.im.Data[i] = 0.6, -0.8
		object.re.Data[n*n+i] = float32(i % n % 2) // stripes ...
		if i%n == n-1 {
			light.Data[i] = n // ... lit on the last column only, which has no step to the right
		}
	}
	weight := ndarray.Wrap([]float32{0.5, 0.5}, 2, 1, 1, 1)
	value := func() float64 {
		b := newBench(t)
		loss := forward.Variation(b.feedPair(object), b.feed(differences(n)), b.feed(light), b.feed(weight))
		return float64(b.compute(loss)[0].Data[0])
	}
	// The floor's square, 1e-6, is rounded as a float32, and so is its root: 2^-24 of 1e-3.
	if got := value(); !(math.Abs(got) <= 1e-9) {
		t.Errorf("variation %g of what is flat or dark", got)
	}
	for i := range light.Data {
		light.Data[i] = 1
	}
	// Half the patches have a step of 1 in all columns but the last.
	if got, want := value(),
		0.5*float64(n-1)/n*(math.Hypot(1, forward.VariationFloor)-forward.VariationFloor); !testutil.Close(got, want, 0,
		tolerance) {
		t.Errorf("variation of stripes is %g, want %g", got, want)
	}
}

func TestTotalWeighsItsTerms(t *testing.T) {
	b := newBench(t)
	x, y := b.feed(ndarray.Wrap([]float32{3})), b.feed(ndarray.Wrap([]float32{5}))
	total := forward.Total([]*gorgonia.Node{x, y}, []float64{1, 0.25})
	alone := forward.Total([]*gorgonia.Node{x}, []float64{1})
	if alone != x {
		t.Error("a term alone, of factor 1, is not itself")
	}
	if got := b.compute(total)[0].Data[0]; got != 4.25 {
		t.Errorf("3 + 0.25 * 5 is %g", got)
	}
}
