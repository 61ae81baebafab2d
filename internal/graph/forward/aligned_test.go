package forward_test

import (
	"math"
	"math/cmplx"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/program"
)

// alignment is an object, its truth and weights: the share of each pixel and the weight of each patch.
type alignment struct {
	object, truth parts
	share, weight *ndarray.Float32
	group         int // objects that turn together
}

const errorFloor = 0.1

func someAlignment(group int) alignment {
	return alignment{
		group:  group,
		object: randomParts(70, 2, 1, n, n), truth: randomParts(71, 2, 1, n, n),
		share: testutil.Uniform(72, 0, 0.1, 2, 1, n, n), weight: ndarray.Wrap([]float32{0.3, 0.7}, 2, 1, 1, 1),
	}
}

// nodes are the error's graph and the object's parts.
func (a alignment) nodes(b *bench) (loss *gorgonia.Node, object forward.Pair) {
	b.t.Helper()
	object, truth, share := b.feedPair(a.object), b.feedPair(a.truth), b.feed(a.share)
	distance := forward.Distance(forward.Aligned(object, truth, share, a.group), truth)
	return forward.LogError(distance, share, b.feed(a.weight), errorFloor), object
}

// plain is the error in float64: a group's angle leaves sum share (|O|^2 + |T|^2) - 2 Re(e sum share conj(O) T) of each
// object, where e turns the sum of these products over the group to the real axis.
func (a alignment) plain() float64 {
	squares, products := make([]float64, len(a.weight.Data)), make([]complex128, len(a.weight.Data))
	groups := make([]complex128, len(a.weight.Data)/a.group)
	for k := range squares {
		for i := k * n * n; i < (k+1)*n*n; i++ {
			o := complex(float64(a.object.re.Data[i]), float64(a.object.im.Data[i]))
			t := complex(float64(a.truth.re.Data[i]), float64(a.truth.im.Data[i]))
			s := float64(a.share.Data[i])
			squares[k] += s * (real(o*cmplx.Conj(o)) + real(t*cmplx.Conj(t)))
			products[k] += complex(s, 0) * cmplx.Conj(o) * t
		}
		groups[k/a.group] += products[k]
	}
	loss := 0.0
	for k, w := range a.weight.Data {
		turned := products[k] * cmplx.Conj(groups[k/a.group]) / complex(cmplx.Abs(groups[k/a.group]), 0)
		loss += float64(w) * math.Log(errorFloor+math.Sqrt(squares[k]-2*real(turned)))
	}
	return loss
}

// The error and its gradient are those of the best angle, of an object alone or of two.
func TestTheAlignedErrorAndItsGradient(t *testing.T) {
	for _, group := range []int{1, 2} {
		a := someAlignment(group)
		b := newBench(t)
		loss, object := a.nodes(b)
		grads := program.Gradients(loss, []*gorgonia.Node{object.Re, object.Im})
		got := b.compute(append([]*gorgonia.Node{loss}, grads...)...)
		if want := a.plain(); !testutil.Close(float64(got[0].Data[0]), want, 0, tolerance) {
			t.Errorf("groups of %d: error %g, plain Go %g", group, got[0].Data[0], want)
		}
		checkSlopes(t, "real part", got[1], a.object.re, every(1), a.plain)
		checkSlopes(t, "imaginary part", got[2], a.object.im, every(1), a.plain)
	}
}

// A turned truth is no error.
func TestTheGlobalPhaseCostsNothing(t *testing.T) {
	a := someAlignment(2)
	a.object = parts{a.truth.re.Clone(), a.truth.im.Clone()}
	turn := cmplx.Rect(1, 2)
	for i, re := range a.truth.re.Data {
		v := turn * complex(float64(re), float64(a.truth.im.Data[i]))
		a.object.re.Data[i], a.object.im.Data[i] = float32(real(v)), float32(imag(v))
	}
	b := newBench(t)
	loss, _ := a.nodes(b)
	const rounding = 2e-4 // the root is rounded off at 1e-4
	if got := math.Exp(float64(b.compute(loss)[0].Data[0])) - errorFloor; !(got < rounding) {
		t.Errorf("error %g of a turned truth", got)
	}
}

// Pattern is Diffract with rows and columns exchanged.
func TestPatternIsDiffract(t *testing.T) {
	probe, object := randomParts(73, 2, 1, n, n), randomParts(74, 2, 1, n, n)
	b := newBench(t)
	p, o := b.feedPair(probe), b.feedPair(object)
	got := b.compute(forward.Pattern(p, o), forward.Diffract(p, o))
	turned := ndarray.New[float32](got[1].Shape...)
	for i := range turned.Data {
		image, row, col := i/(n*n), i/n%n, i%n
		turned.Data[i] = got[1].Data[image*n*n+col*n+row]
	}
	testutil.CheckClose(t, "pattern", got[0].Data, turned.Data, tolerance)
}
