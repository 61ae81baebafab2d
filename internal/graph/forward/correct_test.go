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

// correctionCase is a probe of power N^2, an object and its pattern.
type correctionCase struct {
	size    int
	probe   parts            // (N, N)
	object  parts            // (1, 1, N, N)
	pattern *ndarray.Float32 // (1, 1, N, N), amplitudes
}

func newCorrectionCase(size int, object func(y, x int) complex128) correctionCase {
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
	c := correctionCase{size: size, probe: split(probe, size, size), object: split(patch, 1, 1, size, size),
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

func (c correctionCase) correction(b *bench) forward.Correction {
	b.t.Helper()
	return forward.NewCorrection(b.feed(c.pattern), b.feedPair(c.probe), b.feedPair(dftParts(c.size)))
}

func empty(int, int) complex128 { return 1 }

// floorShare is what the floor under the far field's intensity, 1e-2 of its mean, may do to an object of size 1: less
// than its root.
const floorShare = 0.1

// What explains its pattern stays: nothing is lacking.
func TestATrueObjectStays(t *testing.T) {
	c := newCorrectionCase(16, func(y, x int) complex128 { return complex(1-0.02*float64(y), 0.03*float64(x)) })
	b := newBench(t)
	got := b.computePair(c.correction(b).Apply(b.feedPair(c.object)))
	for i := range got.re.Data {
		if re, im := got.re.Data[i]-c.object.re.Data[i],
			got.im.Data[i]-c.object.im.Data[i]; !(math.Hypot(float64(re), float64(im)) < floorShare) {
			t.Fatalf("pixel %d moves by %v, %v", i, re, im)
		}
	}
}

// The estimate is the correction of an empty object.
func TestTheEstimateCorrectsAnEmptyObject(t *testing.T) {
	c := newCorrectionCase(16, func(y, x int) complex128 { return complex(1-0.02*float64(y), 0.03*float64(x)) })
	b := newBench(t)
	estimate := b.computePair(c.correction(b).Estimate())
	nothing := newCorrectionCase(16, empty).object
	b = newBench(t)
	applied := b.computePair(c.correction(b).Apply(b.feedPair(nothing)))
	for i := range applied.re.Data {
		applied.re.Data[i]--
	}
	testutil.CheckClose(t, "real part", estimate.re.Data, applied.re.Data, tolerance)
	testutil.CheckClose(t, "imaginary part", estimate.im.Data, applied.im.Data, tolerance)
}

// misfit is sum (|F P O| - d)^2 / sum d^2.
func (c correctionCase) misfit(object parts) float64 {
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

// A phase step in the beam: each correction explains the pattern better, and the step is seen where it is.
func TestCorrectionsExplainThePattern(t *testing.T) {
	const size, step = 32, 0.5
	inside := func(y, x int) bool { return y >= 15 && y < 19 && x >= 17 && x < 22 }
	c := newCorrectionCase(size, func(y, x int) complex128 {
		if inside(y, x) {
			return complex(math.Cos(step), math.Sin(step))
		}
		return 1
	})
	object := newCorrectionCase(size, empty).object
	last := c.misfit(object)
	for range 3 {
		b := newBench(t)
		object = b.computePair(c.correction(b).Apply(b.feedPair(object)))
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

func TestGradientsOfACorrection(t *testing.T) {
	c := newCorrectionCase(n, func(y, x int) complex128 { return complex(1-0.02*float64(y), 0.03*float64(x)) })
	object := randomParts(80, 1, 1, n, n)
	weights := []*ndarray.Float32{testutil.Uniform(81, -1, 1, 1, 1, n, n), testutil.Uniform(82, -1, 1, 1, 1, n, n)}
	build := func(b *bench) (forward.Pair, *gorgonia.Node) {
		o := b.feedPair(object)
		moved := c.correction(b).Apply(o)
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
