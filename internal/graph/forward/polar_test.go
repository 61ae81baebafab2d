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

// Every quadrant, the axes, and both sides of the cut at the negative real axis, at amplitudes of 1e-3 to 10.
func TestPolarUndoesObject(t *testing.T) {
	var angles []float64
	for i := -16; i <= 16; i++ {
		angles = append(angles, float64(i)*math.Pi/16.001)
	}
	for _, d := range []float64{1e-2, 1e-3, 1e-4} {
		angles = append(angles, math.Pi-d, d-math.Pi, math.Pi/2+d, d)
	}
	object := parts{ndarray.New[float32](3, 1, 1, len(angles)), ndarray.New[float32](3, 1, 1, len(angles))}
	var wantAmplitude, wantPhase []float32
	for k, a := range []float64{1e-3, 1, 10} {
		for i, angle := range angles {
			v := complex64(cmplx.Rect(a, angle))
			object.re.Data[k*len(angles)+i], object.im.Data[k*len(angles)+i] = real(v), imag(v)
			wantAmplitude = append(wantAmplitude, float32(a))
			wantPhase = append(wantPhase, float32(cmplx.Phase(complex128(v))))
		}
	}
	b := newBench(t)
	amplitude, phase := forward.Polar(b.feedPair(object))
	got := b.compute(amplitude, phase)
	testutil.CheckClose(t, "amplitude", got[0].Data, wantAmplitude, tolerance)
	testutil.CheckClose(t, "phase", got[1].Data, wantPhase, tolerance)
	for i, want := range wantPhase {
		if !(math.Abs(float64(got[1].Data[i]-want)) <= 1e-6) && wantAmplitude[i] == 1 {
			t.Errorf("phase %.8g, want %.8g to a microradian", got[1].Data[i], want)
		}
	}
}

func TestGradientsOfPolar(t *testing.T) {
	object := randomParts(70, 1, 1, n, n)
	value := func() float64 {
		sum := 0.0
		for i := range object.re.Data {
			r, phi := cmplx.Polar(complex(float64(object.re.Data[i]), float64(object.im.Data[i])))
			sum += r * math.Cos(phi+float64(i))
		}
		return sum
	}
	b := newBench(t)
	o := b.feedPair(object)
	amplitude, phase := forward.Polar(o)
	// r cos(phi + i) = r cos phi cos i - r sin phi sin i: smooth where the phase jumps.
	cosines, sines := ndarray.New[float32](1, 1, n, n), ndarray.New[float32](1, 1, n, n)
	for i := range cosines.Data {
		cosines.Data[i], sines.Data[i] = float32(math.Cos(float64(i))), float32(-math.Sin(float64(i)))
	}
	again := forward.Object(amplitude, phase)
	loss := b.dot(b.feed(cosines), again.Re, b.feed(sines), again.Im)
	grads := program.Gradients(loss, []*gorgonia.Node{o.Re, o.Im})
	got := b.compute(grads...)
	checkSlopes(t, "real part", got[0], object.re, every(3), value)
	checkSlopes(t, "imaginary part", got[1], object.im, every(3), value)
}

// Nothing is infinite where an object is dark.
func TestPolarIsFiniteForADarkObject(t *testing.T) {
	b := newBench(t)
	o := b.feedPair(parts{ndarray.New[float32](1, 1, 2, 2), ndarray.New[float32](1, 1, 2, 2)})
	amplitude, phase := forward.Polar(o)
	loss := b.dot(amplitude, phase)
	grads := program.Gradients(loss, []*gorgonia.Node{o.Re, o.Im})
	for i, a := range b.compute(append(grads, amplitude, phase)...) {
		for _, v := range a.Data {
			if !(math.Abs(float64(v)) < 1e7) {
				t.Errorf("output %d: %v", i, v)
			}
		}
	}
}
