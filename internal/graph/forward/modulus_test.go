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
)

// Every quadrant and the axes, at amplitudes of 1e-3 to 10.
func TestModulusAndPhaseFactor(t *testing.T) {
	object := parts{ndarray.New[float32](3, 1, 4, 4), ndarray.New[float32](3, 1, 4, 4)}
	var amplitudes, re, im []float32
	for i := range object.re.Data {
		amplitude, angle := []float64{1e-3, 1, 10}[i/16], float64(i%16)*math.Pi/8
		factor := complex64(cmplx.Rect(1, angle))
		amplitudes = append(amplitudes, float32(amplitude))
		re, im = append(re, real(factor)), append(im, imag(factor))
		object.re.Data[i], object.im.Data[i] = float32(amplitude)*real(factor), float32(amplitude)*imag(factor)
	}
	b := newBench(t)
	modulus, factor := forward.Modulus(b.feedPair(object))
	got := b.compute(modulus, factor.Re, factor.Im)
	testutil.CheckClose(t, "modulus", got[0].Data, amplitudes, tolerance)
	testutil.CheckClose(t, "real part of the factor", got[1].Data, re, tolerance)
	testutil.CheckClose(t, "imaginary part of the factor", got[2].Data, im, tolerance)
}

// Nothing is infinite where an object is dark.
func TestModulusIsFiniteForADarkObject(t *testing.T) {
	b := newBench(t)
	o := b.feedPair(parts{ndarray.New[float32](1, 1, 2, 2), ndarray.New[float32](1, 1, 2, 2)})
	modulus, factor := forward.Modulus(o)
	loss := b.dot(modulus, ops.Add(factor.Re, factor.Im))
	grads := program.Gradients(loss, []*gorgonia.Node{o.Re, o.Im})
	for i, a := range b.compute(append(grads, modulus, factor.Re)...) {
		for _, v := range a.Data {
			if !(math.Abs(float64(v)) < 1e7) {
				t.Errorf("output %d: %v", i, v)
			}
		}
	}
}
