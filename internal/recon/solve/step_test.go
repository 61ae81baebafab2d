package solve

import (
	"fmt"
	"math"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
)

// way is a variant of the step.
type way struct {
	likelihood Likelihood
	masked     bool
	varies     bool // the probe
	offset     bool // a background adds
}

var ways = []way{
	{Amplitude, false, false, false}, {Poisson, false, false, false}, {Amplitude, true, false, false},
	{Poisson, true, false, false}, {Amplitude, false, true, false}, {Poisson, true, true, true},
}

// small is a step of two patterns, the second with a subpixel shift, and a probe of two modes.
func small(way way) (stepConfig, *stepArrays) {
	c := stepConfig{n: 8, patterns: 2, modes: 2, likelihood: way.likelihood, floor: 1e-3, background: 2e-2}
	c.offset = way.offset
	if c.varies = way.varies; c.varies {
		c.variable = 1
	}
	probe := func(seed uint64) *ndarray.Float32 { return testutil.Uniform(seed, -1, 1, c.modes+c.variable, c.n, c.n) }
	a := newStepArrays(c, probe(1), probe(2))
	if c.varies {
		copy(a.factors.Data, testutil.Uniform(6, -1, 1, a.factors.Shape...).Data)
	}
	if c.offset {
		copy(a.offset.Data, testutil.Uniform(7, 0.1, 1, a.offset.Shape...).Data)
	}
	for i, to := range []*ndarray.Float32{a.objectRe, a.objectIm} {
		copy(to.Data, testutil.Uniform(uint64(3+i), -1, 1, to.Shape...).Data)
	}
	copy(a.measured.Data, testutil.Uniform(5, 0.2, 2, a.measured.Shape...).Data)
	if way.masked {
		c.measured = make([]bool, c.n*c.n)
		for i := range a.measured.Data {
			q := i % len(c.measured)
			if c.measured[q] = q%3 != 0; !c.measured[q] {
				a.measured.Data[i] = 0
			}
		}
	}
	for slot, rest := range [][2]float64{{0, 0}, {0.3, -0.45}} {
		optics.ShiftMatrixInto(part(a.shiftY, slot, c.n*c.n), rest[0], c.n)
		optics.ShiftMatrixInto(part(a.shiftX, slot, c.n*c.n), rest[1], c.n)
	}
	return c, a
}

// bound binds a step on an engine.
func bound(t *testing.T, e engine.Engine, c stepConfig, a *stepArrays) engine.Binding {
	t.Helper()
	program, err := newStep(c)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := e.Compile(program, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := exe.Bind(a.inputs(), a.outputs())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b.Close() != nil || exe.Close() != nil {
			t.Error("closing")
		}
	})
	return b
}

// likelihoodOf is the likelihood of the present object and probe in plain Go and double precision, scaled as in
// newStep.
func likelihoodOf(c stepConfig, a *stepArrays) (loss, misfit float64) {
	size := c.n * c.n
	for slot := range c.patterns {
		intensity := make([]float64, size)
		for k := range c.modes {
			probe, patch := ndarray.New[complex64](c.n, c.n), ndarray.New[complex64](c.n, c.n)
			for q := range size {
				probe.Data[q] = a.mode(c, slot, k, q)
				patch.Data[q] = complex(a.objectRe.Data[slot*size+q], a.objectIm.Data[slot*size+q])
			}
			rest := [][2]float64{{0, 0}, {0.3, -0.45}}[slot]
			of := make([]float64, size)
			optics.NewPropagator(c.n).Intensity(optics.ExitWave(optics.ShiftProbe(probe, rest[0], rest[1]), patch), of)
			for q, v := range of {
				intensity[q] += v
			}
		}
		for q, v := range intensity {
			if c.offset {
				v += float64(a.offset.Data[q])
			}
			if c.measured != nil && !c.measured[q] {
				v = 0
			}
			d, eps := float64(a.measured.Data[slot*size+q]), float64(c.floor)
			apart := math.Sqrt(v+eps) - d
			misfit += apart * apart
			back := float64(c.background)
			loss += (v - d*d - (d*d+back)*math.Log((v+back)/(d*d+back))) / 4
		}
	}
	if c.likelihood == Amplitude {
		loss = misfit / 2
	}
	return loss, misfit
}

// mode is a pixel of mode k of a pattern's probe.
func (a *stepArrays) mode(c stepConfig, slot, k, q int) (sum complex64) {
	size, planes := c.n*c.n, c.modes+c.variable
	for i := range planes {
		factor := float32(0)
		switch {
		case c.varies:
			factor = a.factors.Data[(slot*c.modes+k)*planes+i]
		case i == k:
			factor = 1
		}
		sum += complex(factor, 0) * complex(a.probeRe.Data[i*size+q], a.probeIm.Data[i*size+q])
	}
	return sum
}

// TestGradientsByFiniteDifferences compares every gradient of both likelihoods, with a mask and without, with the slope
// of the formula in plain Go.
func TestGradientsByFiniteDifferences(t *testing.T) {
	for _, way := range ways {
		c, a := small(way)
		if err := bound(t, engine.Tape{}, c, a).Run(); err != nil {
			t.Fatal(err)
		}
		loss, misfit := likelihoodOf(c, a)
		found := float64(a.misfit.Data[0]) + float64(a.misfit.Data[1])
		if !testutil.Close(found, misfit, 0, 1e-5) ||
			!testutil.Close(float64(a.loss.Data[0]), loss, 0, 1e-5) { // sums of 128 in float32
			t.Errorf("%v: misfit %v, loss %v, want %v, %v", way, found, a.loss.Data[0], misfit, loss)
		}
		type gradient struct {
			name        string
			of, against *ndarray.Float32
		}
		list := []gradient{
			{"object.re", a.objectRe, a.objectGradRe}, {"object.im", a.objectIm, a.objectGradIm},
			{"probe.re", a.probeRe, a.probeGradRe}, {"probe.im", a.probeIm, a.probeGradIm},
		}
		if c.varies {
			list = append(list, gradient{"factors", a.factors, a.factorGrad})
		}
		if c.offset {
			list = append(list, gradient{"offset", a.offset, a.offsetGrad})
		}
		for _, v := range list {
			var slopes, gradients []float32
			for e := 0; e < len(v.of.Data); e += 5 {
				const h = 1e-3
				old := v.of.Data[e]
				v.of.Data[e] = old + h
				up, _ := likelihoodOf(c, a)
				after := v.of.Data[e]
				v.of.Data[e] = old - h
				down, _ := likelihoodOf(c, a)
				slopes = append(slopes, float32((up-down)/float64(after-v.of.Data[e])))
				gradients = append(gradients, v.against.Data[e])
				v.of.Data[e] = old
			}
			testutil.CheckClose(t, fmt.Sprint(way, ", ", v.name), gradients, slopes,
				1e-3) // the third derivative's share at h, and float32
		}
	}
}

// TestEnginesAgreeOnAStep: ONNX Runtime and the tape give the same outputs.
func TestEnginesAgreeOnAStep(t *testing.T) {
	for _, way := range ways {
		c, a := small(way)
		_, b := small(way)
		if err := bound(t, engine.Tape{}, c, a).Run(); err != nil {
			t.Fatal(err)
		}
		if err := bound(t, fast(t, 1), c, b).Run(); err != nil {
			t.Fatal(err)
		}
		for i, out := range a.outputs() {
			testutil.CheckClose(t, fmt.Sprint(way), b.outputs()[i].Data, out.Data,
				1e-5) // sums of 8 to 128 terms in float32
		}
	}
}
