package optics_test

import (
	"math"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// beam is a Gaussian beam in its waist, off the middle of the frame, with a phase ramp: its far field is off, too.
func beam(n int) *ndarray.Complex64 {
	p := ndarray.New[complex64](n, n)
	for i := range p.Data {
		y, x := float64(i/n-n/2)-3, float64(i%n-n/2)+2
		sin, cos := math.Sincos(2 * math.Pi * 4 * x / float64(n))
		a := math.Exp(-(y*y + x*x) / 16)
		p.Data[i] = complex64(complex(a*cos, a*sin))
	}
	return p
}

// A defocus is free space: the same as the angular spectrum over the distance, but for a shift along a tilted beam. It
// keeps the power, and the opposite one undoes it.
func TestAddedDefocusIsFreeSpace(t *testing.T) {
	const n = 64
	p := beam(n)
	d, grid := optics.NewDefocus(p), optics.Sampling{N: n, Wavelength: 1e-10, Pixel: 1e-8}
	// The far field of exp(-r^2 / 16) has the intensity exp(-32 pi^2 k^2 / N^2), a mean square k of N^2 / (32 pi^2).
	if want := n / (math.Pi * math.Sqrt(32)); math.Abs(d.Radius()-want) > 1e-3*want {
		t.Errorf("a radius of %g steps, want %g", d.Radius(), want)
	}
	for _, phase := range []float64{-1.5, 0, 1} {
		moved, distance := d.Probe(phase), d.Distance(phase, grid)
		if (distance > 0) != (phase < 0) {
			t.Errorf("%g rad are %g m", phase, distance)
		}
		if change := optics.Power(moved)/optics.Power(p) - 1; !(math.Abs(change) < 1e-5) { // float32
			t.Errorf("%g rad change the power by %g", phase, change)
		}
		field := make([]complex128, n*n)
		for i, v := range p.Data {
			field[i] = complex128(v)
		}
		free := ndarray.New[complex64](n, n)
		for i, v := range grid.Propagated(field, distance).Data {
			free.Data[i] = complex64(v)
		}
		if like, _ := optics.Likeness(moved, free); !(like > 0.999) { // light that leaves the frame differs
			t.Errorf("%g rad: likeness %.5f to %g m of free space", phase, like, distance)
		}
		back := optics.NewDefocus(moved).Probe(-phase)
		for i, v := range back.Data {
			if e := v - p.Data[i]; !(math.Hypot(float64(real(e)), float64(imag(e))) < 1e-4) { // of 1, float32
				t.Fatalf("%g rad and back: pixel %d is %v, was %v", phase, i, v, p.Data[i])
			}
		}
	}
}
