package forward_test

import (
	"math"
	"math/cmplx"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
)

// consistencyCase is a probe of power N^2, an object and its pattern.
type consistencyCase struct {
	size    int
	probe   parts            // (1, 1, N, N)
	object  parts            // (1, 1, N, N)
	pattern *ndarray.Float32 // (1, 1, N, N), amplitudes
}

func newConsistencyCase(size int, object func(y, x int) complex128) consistencyCase {
	probe := ndarray.New[complex64](size, size)
	for i := range probe.Data {
		y, x := float64(i/size-size/2), float64(i%size-size/2)
		a, phase := math.Exp(-(x*x+y*y)/(2*float64(size*size)/28)), 0.05*(x*x+y*y)
		probe.Data[i] = complex(float32(a*math.Cos(phase)), float32(a*math.Sin(phase)))
	}
	optics.NormalisePower(probe, float64(size*size))
	patch := ndarray.New[complex64](size, size)
	for i := range patch.Data {
		patch.Data[i] = complex64(object(i/size, i%size))
	}
	c := consistencyCase{size: size, probe: split(probe, 1, 1, size, size), object: split(patch, 1, 1, size, size),
		pattern: ndarray.New[float32](1, 1, size, size)}
	intensity := make([]float64, size*size)
	optics.NewPropagator(size).Intensity(optics.ExitWave(probe, patch), intensity)
	for i, v := range intensity {
		c.pattern.Data[i] = float32(math.Sqrt(v))
	}
	return c
}

func split(a *ndarray.Complex64, shape ...int) parts {
	p := parts{ndarray.New[float32](shape...), ndarray.New[float32](shape...)}
	for i, v := range a.Data {
		p.re.Data[i], p.im.Data[i] = real(v), imag(v)
	}
	return p
}

// change is the move of an object with step 1 and floor 1/2; nil: of an empty object.
func (c consistencyCase) change(b *bench, object *forward.Pair) forward.Pair {
	b.t.Helper()
	step, floor := b.feed(ndarray.Wrap([]float32{1}, 1)), b.feed(ndarray.Wrap([]float32{0.5}, 1))
	k := forward.NewConsistency(b.feed(c.pattern), b.feedPair(c.probe), floor)
	var excess *gorgonia.Node
	if object != nil {
		excess = forward.Stacked(forward.Pair{Re: ops.Affine(object.Re, 1, -1), Im: object.Im})
	}
	return forward.Unstacked(k.Change(excess, step))
}

// moved is an object after a move.
func (c consistencyCase) moved(b *bench, object forward.Pair) forward.Pair {
	b.t.Helper()
	change := c.change(b, &object)
	return forward.Pair{Re: ops.Add(object.Re, change.Re), Im: ops.Add(object.Im, change.Im)}
}

func empty(int, int) complex128 { return 1 }

// floorShare is what the floor under the far field's intensity, 1e-2 of its mean, may do to an object of size 1: less
// than its root.
const floorShare = 0.1

// What explains its pattern stays: nothing is lacking.
func TestATrueObjectStays(t *testing.T) {
	c := newConsistencyCase(16, func(y, x int) complex128 { return complex(1-0.02*float64(y), 0.03*float64(x)) })
	b := newBench(t)
	got := b.computePair(c.moved(b, b.feedPair(c.object)))
	for i := range got.re.Data {
		if re, im := got.re.Data[i]-c.object.re.Data[i],
			got.im.Data[i]-c.object.im.Data[i]; !(math.Hypot(float64(re), float64(im)) < floorShare) {
			t.Fatalf("pixel %d moves by %v, %v", i, re, im)
		}
	}
}

// Without an object the move is that of an object of 1.
func TestTheFirstMoveIsThatOfAnEmptyObject(t *testing.T) {
	c := newConsistencyCase(16, func(y, x int) complex128 { return complex(1-0.02*float64(y), 0.03*float64(x)) })
	b := newBench(t)
	first := b.computePair(c.change(b, nil))
	b = newBench(t)
	object := b.feedPair(newConsistencyCase(16, empty).object)
	want := b.computePair(c.change(b, &object))
	testutil.CheckClose(t, "real part", first.re.Data, want.re.Data, tolerance)
	testutil.CheckClose(t, "imaginary part", first.im.Data, want.im.Data, tolerance)
}

// A move is what the direct transform of package optics gives, in double precision.
func TestTheMoveIsThatOfPlainGo(t *testing.T) {
	const size, step, floor, darkness = 8, 1, 0.5, 1e-2
	c := newConsistencyCase(size, func(y, x int) complex128 { return complex(1-0.02*float64(y), 0.03*float64(x)) })
	c.pattern = testutil.Uniform(7, 0.1, 2, 1, 1, size, size) // that the object does not explain
	b := newBench(t)
	object := b.feedPair(c.object)
	got := b.computePair(c.change(b, &object))
	probe := c.probe.image(0, size)
	far := direct(optics.ExitWave(probe, c.object.image(0, size)), size)
	for i, v := range far {
		far[i] *= complex(float64(c.pattern.Data[i])/math.Sqrt(real(v)*real(v)+imag(v)*imag(v)+darkness)-1, 0)
	}
	for i, v := range far { // the inverse transform is the conjugate of the transform of the conjugate
		far[i] = cmplx.Conj(v)
	}
	want := direct(far, size)
	for i, v := range want {
		p := complex128(probe.Data[i])
		light := real(p)*real(p) + imag(p)*imag(p)
		want[i] = cmplx.Conj(v) * cmplx.Conj(p) * complex(step/(light+floor), 0)
	}
	checkParts(t, "move", got, want, tolerance)
}

// misfit is sum (|F P O| - d)^2 / sum d^2.
func (c consistencyCase) misfit(object parts) float64 {
	intensity := make([]float64, c.size*c.size)
	probe := c.probe.image(0, c.size)
	optics.NewPropagator(c.size).Intensity(optics.ExitWave(probe, object.image(0, c.size)), intensity)
	wrong, all := 0.0, 0.0
	for i, v := range intensity {
		d := float64(c.pattern.Data[i])
		wrong, all = wrong+(math.Sqrt(v)-d)*(math.Sqrt(v)-d), all+d*d
	}
	return wrong / all
}

// A phase step in the beam: each move explains the pattern better, and the step is seen where it is.
func TestMovesExplainThePattern(t *testing.T) {
	const size, step = 32, 0.5
	inside := func(y, x int) bool { return y >= 15 && y < 19 && x >= 17 && x < 22 }
	c := newConsistencyCase(size, func(y, x int) complex128 {
		if inside(y, x) {
			return complex(math.Cos(step), math.Sin(step))
		}
		return 1
	})
	object := newConsistencyCase(size, empty).object
	last := c.misfit(object)
	for range 3 {
		b := newBench(t)
		object = b.computePair(c.moved(b, b.feedPair(object)))
		now := c.misfit(object)
		t.Logf("misfit %.3g", now)
		if !(now < 0.9*last) {
			t.Errorf("misfit %v after %v", now, last)
		}
		last = now
	}
	in, out, count, others := 0.0, 0.0, 0, 0
	for y := 10; y < 24; y++ {
		for x := 10; x < 24; x++ {
			if v := float64(object.im.Data[y*size+x]); inside(y, x) {
				in, count = in+v, count+1
			} else {
				out, others = out+v, others+1
			}
		}
	}
	in, out = in/float64(count), out/float64(others)
	t.Logf("imaginary part %.3f inside the step, %.3f around it", in, out)
	if !(in-out > step/4) {
		t.Errorf("imaginary part %v inside a step of %v, %v around it", in, step, out)
	}
}

func TestGradientsOfAMove(t *testing.T) {
	c := newConsistencyCase(n, func(y, x int) complex128 { return complex(1-0.02*float64(y), 0.03*float64(x)) })
	object := randomParts(80, 1, 1, n, n)
	weights := []*ndarray.Float32{testutil.Uniform(81, -1, 1, 1, 1, n, n), testutil.Uniform(82, -1, 1, 1, 1, n, n)}
	build := func(b *bench) (forward.Pair, *gorgonia.Node) {
		o := b.feedPair(object)
		moved := c.moved(b, o)
		return o, b.dot(b.feed(weights[0]), moved.Re, b.feed(weights[1]), moved.Im)
	}
	value := func() float64 {
		b := newBench(t)
		_, loss := build(b)
		return float64(b.compute(loss)[0].Data[0])
	}
	b := newBench(t)
	o, loss := build(b)
	grads := program.Gradients(loss, []*gorgonia.Node{o.Re, o.Im})
	got := b.compute(grads...)
	checkSlopes(t, "real part", got[0], object.re, every(5), value)
	checkSlopes(t, "imaginary part", got[1], object.im, every(5), value)
}
