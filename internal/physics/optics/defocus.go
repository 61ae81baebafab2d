package optics

import (
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// Defocus changes the focus of a probe: its far field gets a phase that grows with the square of the distance from its
// middle, as free space adds it (Goodman, Introduction to Fourier Optics, 4.2).
type Defocus struct {
	field    *spectrum.Field // far field (N, N), zero frequency first
	row, col float64         // its centroid, in frequency steps of 1 / (N pixels)
	square   float64         // mean square distance from there, of |field|^2
}

// NewDefocus measures the far field of a probe (N, N) that has light.
func NewDefocus(probe *ndarray.Complex64) *Defocus {
	d := &Defocus{field: farField(probe)}
	power := 0.0
	d.each(func(i int, y, x float64) {
		light := d.light(i)
		power, d.row, d.col = power+light, d.row+light*y, d.col+light*x
	})
	d.row, d.col = d.row/power, d.col/power
	d.each(func(i int, y, x float64) {
		d.square += d.light(i) / power * ((y-d.row)*(y-d.row) + (x-d.col)*(x-d.col))
	})
	return d
}

// Radius is the r.m.s. radius of the far field's intensity, in steps of 1 / (N pixels).
func (d *Defocus) Radius() float64 { return math.Sqrt(d.square) }

// Probe is the probe (N, N) whose far field has so many radians more at its r.m.s. radius than in its middle.
func (d *Defocus) Probe(phase float64) *ndarray.Complex64 {
	field := d.field.Clone()
	d.each(func(i int, y, x float64) {
		r2 := (y-d.row)*(y-d.row) + (x-d.col)*(x-d.col)
		field.Data[i] *= cmplx.Rect(1, phase*r2/d.square)
	})
	field.IFFT()
	out := ndarray.New[complex64](field.H, field.W)
	for i, v := range field.Data {
		out.Data[i] = complex64(v)
	}
	return out
}

// Distance is the way through free space, in metres, that adds a phase: phase = -pi wavelength distance f^2 at the
// r.m.s. frequency f = Radius / (N pixel). It is positive downstream.
func (d *Defocus) Distance(phase float64, s Sampling) float64 {
	side := float64(s.N) * s.Pixel
	return -phase * side * side / (math.Pi * s.Wavelength * d.square)
}

// each calls use with each element of the far field and its frequency.
func (d *Defocus) each(use func(i int, y, x float64)) {
	n := d.field.W
	for i := range d.field.Data {
		use(i, float64(spectrum.Frequency(i/n, n)), float64(spectrum.Frequency(i%n, n)))
	}
}

func (d *Defocus) light(i int) float64 {
	re, im := real(d.field.Data[i]), imag(d.field.Data[i])
	return re*re + im*im
}
