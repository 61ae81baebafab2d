package physics_test

import (
	"math"
	"testing"

	"ptyx/internal/ndarray"
	"ptyx/internal/physics"
	"ptyx/internal/testutil"
)

// spot is a defocused Gaussian beam of n x n pixels.
func spot(n int, width, curvature float64) *ndarray.Complex64 {
	p := ndarray.New[complex64](n, n)
	for i := range p.Data {
		y, x := float64(i/n-n/2), float64(i%n-n/2)
		a, phase := math.Exp(-(x*x+y*y)/(2*width*width)), curvature*(x*x+y*y)
		p.Data[i] = complex(float32(a*math.Cos(phase)), float32(a*math.Sin(phase)))
	}
	return p
}

// estimate applies an Estimate to a pattern by its definition.
func estimate(e physics.Estimate, pattern []float64, n int) []complex128 {
	re, im := physics.DFTMatrix(n)
	inverse := func(k, j int) complex128 { return complex(float64(re[k*n+j]), -float64(im[k*n+j])) }
	half, wave := make([]complex128, n*n), make([]complex128, n*n)
	for k := range n {
		for j := range n {
			for r := range n {
				half[k*n+j] += inverse(k, r) * complex(pattern[r*n+j], 0) * complex128(e.Phase.Data[r*n+j])
			}
		}
	}
	for k := range n {
		for j := range n {
			for r := range n {
				wave[k*n+j] += half[k*n+r] * inverse(r, j)
			}
		}
	}
	for i := range wave {
		wave[i] = complex128(e.Gain.Data[i])*wave[i] - complex(float64(e.Offset.Data[i]), 0)
	}
	return wave
}

// pattern is the amplitude of probe times object, of power N^2 for an empty object.
func pattern(probe, object *ndarray.Complex64, n int) []float64 {
	scaled := ndarray.New[complex64](n, n)
	copy(scaled.Data, probe.Data)
	physics.NormalisePower(scaled, float64(n*n))
	amplitude := make([]float64, n*n)
	physics.NewPropagator(n).Intensity(physics.ExitWave(scaled, object), amplitude)
	for i, v := range amplitude {
		amplitude[i] = math.Sqrt(v)
	}
	return amplitude
}

func object(n int, f func(y, x int) complex64) *ndarray.Complex64 {
	o := ndarray.New[complex64](n, n)
	for i := range o.Data {
		o.Data[i] = f(i/n, i%n)
	}
	return o
}

func TestAnEmptyObjectIsEstimatedExactly(t *testing.T) {
	const n = 32
	probe := spot(n, 6, 0.02)
	empty := object(n, func(int, int) complex64 { return 1 })
	for i, u := range estimate(physics.NewEstimate(probe), pattern(probe, empty, n), n) {
		if !testutil.Close(real(u), 0, 1e-5, 0) || !testutil.Close(imag(u), 0, 1e-5, 0) { // float32 constants, gains of about 1
			t.Fatalf("pixel %d: %v, want 0", i, u)
		}
	}
}

// A weak phase step in the beam: the estimate must put it where it is. Half of it is in the twin that a lost phase leaves
// behind, at worst.
func TestAWeakObjectIsEstimated(t *testing.T) {
	const n, step = 32, 0.2
	probe := spot(n, 6, 0.05)
	inside := func(y, x int) bool { return y >= 15 && y < 19 && x >= 17 && x < 22 }
	weak := object(n, func(y, x int) complex64 {
		if inside(y, x) {
			return complex64(complex(math.Cos(step), math.Sin(step)))
		}
		return 1
	})
	u := estimate(physics.NewEstimate(probe), pattern(probe, weak, n), n)
	in, out, count, others := 0.0, 0.0, 0, 0
	for y := 10; y < 24; y++ {
		for x := 10; x < 24; x++ {
			if v := imag(u[y*n+x]); inside(y, x) {
				in, count = in+v, count+1
			} else {
				out, others = out+v, others+1
			}
		}
	}
	in, out = in/float64(count), out/float64(others)
	t.Logf("phase %.3f inside the step, %.3f around it", in, out)
	if !(in-out > step/4) {
		t.Errorf("phase %v inside the step of %v, %v around it", in, step, out)
	}
}

// The power of the probe does not matter, its dark pixels do no harm.
func TestAnEstimateIsFiniteAndFreeOfScale(t *testing.T) {
	const n = 32
	probe, bright := spot(n, 2, 0), spot(n, 2, 0)
	for i := range bright.Data {
		bright.Data[i] *= 1000
	}
	a, b := physics.NewEstimate(probe), physics.NewEstimate(bright)
	for i := range a.Gain.Data {
		for _, pair := range [][2]complex64{{a.Gain.Data[i], b.Gain.Data[i]}, {complex(a.Offset.Data[i], 0), complex(b.Offset.Data[i], 0)}} {
			d := complex128(pair[0] - pair[1])
			if !testutil.Close(real(d), 0, 1e-5, 0) || !testutil.Close(imag(d), 0, 1e-5, 0) { // a float32 scale, values of up to 1
				t.Fatalf("pixel %d: %v and %v", i, pair[0], pair[1])
			}
		}
		if m := complex128(a.Phase.Data[i]); !(real(m)*real(m)+imag(m)*imag(m) < 1.0001) {
			t.Fatalf("pixel %d: phase factor %v", i, m)
		}
	}
}
