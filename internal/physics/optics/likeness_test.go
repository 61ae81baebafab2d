package optics

import (
	"math"
	"testing"

	"ptyx/internal/base/ndarray"
)

// gaussian is a probe (n, n) of a width in pixels, with a curvature of its phase.
func gaussian(n int, width, curvature float64) *ndarray.Complex64 {
	p := ndarray.New[complex64](n, n)
	for i := range p.Data {
		y, x := float64(i/n-n/2), float64(i%n-n/2)
		r2 := x*x + y*y
		sin, cos := math.Sincos(curvature * r2)
		a := math.Exp(-r2 / (2 * width * width))
		p.Data[i] = complex(float32(a*cos), float32(a*sin))
	}
	return p
}

// TestLikeness against integrals of Gaussians: |<p, q>| / (|p| |q|) of widths s and t is 2 s t / (s^2 + t^2).
func TestLikeness(t *testing.T) {
	t.Parallel()
	p := gaussian(64, 5, 0)
	bright := p.Clone()
	for i := range bright.Data {
		bright.Data[i] *= 3i
	}
	for name, c := range map[string]struct {
		q           *ndarray.Complex64
		want, shift float64
	}{
		"itself":            {p, 1, 0},
		"brighter, turned":  {bright, 1, 0},
		"shifted":           {ShiftProbe(p, 1.5, -2), 1, 2.5},
		"wider":             {gaussian(64, 7, 0), 2 * 35.0 / 74, 0},
		"wider and shifted": {ShiftProbe(gaussian(64, 7, 0), 0, 3), 2 * 35.0 / 74, 3},
		"dark":              {ndarray.New[complex64](64, 64), 0, 0},
	} {
		got, shift := Likeness(p, c.q)
		if !(math.Abs(got-c.want) < 1e-3 && math.Abs(shift-c.shift) < 1e-2) {
			t.Errorf("%s: likeness %.4f with a shift of %.3f, want %.4f and %.3f", name, got, shift, c.want, c.shift)
		}
	}
	if got, _ := Likeness(gaussian(64, 5, 0.2), p); !(got < 0.5) {
		t.Errorf("a defocused probe has a likeness of %.3f", got)
	}
}
