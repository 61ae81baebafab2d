package forward_test

import (
	"math/cmplx"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/program"
)

// The anchor and its gradient are those of plain Go in float64, with a light for each pattern or for all.
func TestTheAnchorAndItsGradient(t *testing.T) {
	for _, lights := range []int{1, 2} {
		checkAnchor(t, testutil.Uniform(82, 0, 3, lights, 1, n, n))
	}
}

func checkAnchor(t *testing.T, light *ndarray.Float32) {
	t.Helper()
	const half = 0.2
	object, other := randomParts(80, 2, 1, n, n), randomParts(81, 2, 1, n, n)
	weight := ndarray.Wrap([]float32{0.3, 0.7}, 2, 1, 1, 1)
	plain := func() float64 {
		loss := 0.0
		for k, w := range weight.Data {
			sum, product := 0.0, complex128(0)
			for i := k * n * n; i < (k+1)*n*n; i++ {
				o := complex(float64(object.re.Data[i]), float64(object.im.Data[i]))
				a := complex(float64(other.re.Data[i]), float64(other.im.Data[i]))
				u := half / (float64(light.Data[i%len(light.Data)]) + half)
				sum += u * (real(o*cmplx.Conj(o)) + real(a*cmplx.Conj(a)))
				product += complex(u, 0) * cmplx.Conj(o) * a
			}
			loss += float64(w) * (sum - 2*cmplx.Abs(product)) / (n * n)
		}
		return loss
	}
	b := newBench(t)
	o, a := b.feedPair(object), b.feedPair(other)
	loss := forward.Anchor(o, a, b.feed(light), b.feed(weight), half)
	got := b.compute(append([]*gorgonia.Node{loss}, program.Gradients(loss, []*gorgonia.Node{o.Re, o.Im})...)...)
	if want := plain(); !testutil.Close(float64(got[0].Data[0]), want, 0, tolerance) {
		t.Errorf("anchor %g, plain Go %g", got[0].Data[0], want)
	}
	checkSlopes(t, "real part", got[1], object.re, every(1), plain)
	checkSlopes(t, "imaginary part", got[2], object.im, every(1), plain)
}
