// Package spectrum holds the Fourier tools that physics, metrics and pictures share.
//
// A Transform is a planned two-dimensional FFT of images (H, W), row-major, unnormalised forward, zero frequency at [0,
// 0]. A Field is a complex image in double precision, with its FFT, subpixel shift, phase ramp and crop. Peak is the
// frequency at which a field's transform is largest: the phase ramp between two objects is such a frequency, and so is
// the shift between them, seen in Fourier space. The package imports nothing of ptyx.
package spectrum

import (
	"math"
	"math/cmplx"
	"slices"
)

// Field is a complex image (H, W), row-major.
type Field struct {
	H, W int
	Data []complex128
}

// New returns a zero field.
func New(h, w int) *Field { return &Field{H: h, W: w, Data: make([]complex128, h*w)} }

// Clone returns a deep copy.
func (f *Field) Clone() *Field { return &Field{H: f.H, W: f.W, Data: slices.Clone(f.Data)} }

// Crop copies the rectangle of h rows from row and w columns from col. It must lie inside.
func (f *Field) Crop(row, col, h, w int) *Field {
	out := New(h, w)
	for r := range h {
		copy(out.Data[r*w:(r+1)*w], f.Data[(row+r)*f.W+col:][:w])
	}
	return out
}

// FFT replaces the field by its unnormalised transform, zero frequency at [0, 0].
func (f *Field) FFT() { NewTransform(f.H, f.W).Forward(f.Data) }

// IFFT undoes FFT.
func (f *Field) IFFT() { NewTransform(f.H, f.W).Inverse(f.Data) }

// Frequency is the signed frequency, in cycles per n samples, of element i of a transform of length n.
func Frequency(i, n int) int {
	if i > (n-1)/2 {
		return i - n
	}
	return i
}

// Centre reorders a transform so that its zero frequency stands at [H/2, W/2].
func (f *Field) Centre() *Field { return f.Roll(f.H/2, f.W/2) }

// Roll returns the field moved by whole rows and columns, cyclically.
func (f *Field) Roll(rows, columns int) *Field {
	out := New(f.H, f.W)
	rows, columns = (rows%f.H+f.H)%f.H, (columns%f.W+f.W)%f.W
	for r := range f.H {
		line := out.Data[(r+rows)%f.H*f.W:][:f.W]
		for c, v := range f.Data[r*f.W:][:f.W] {
			line[(c+columns)%f.W] = v
		}
	}
	return out
}

// Shift moves the content by (dr, dc) pixels as Transform.Shift does, with the RealNyquist.
func (f *Field) Shift(dr, dc float64) { NewTransform(f.H, f.W).Shift(f.Data, dr, dc, RealNyquist) }

// Ramp multiplies by exp(i (kr (r - row0) + kc (c - col0))), k in radians per pixel.
func (f *Field) Ramp(kr, kc, row0, col0 float64) {
	rows, cols := phasors(f.H, kr, row0), phasors(f.W, kc, col0)
	for r := range f.H {
		for c := range f.W {
			f.Data[r*f.W+c] *= rows[r] * cols[c]
		}
	}
}

// phasors are exp(i k (j - origin)).
func phasors(n int, k, origin float64) []complex128 {
	out := make([]complex128, n)
	for j := range out {
		out[j] = cmplx.Rect(1, k*(float64(j)-origin))
	}
	return out
}

// Smooth is the largest number up to n without a prime factor above 5, which an FFT handles fast; n >= 1.
func Smooth(n int) int {
	for ; ; n-- {
		left := n
		for _, p := range []int{2, 3, 5} {
			for left%p == 0 {
				left /= p
			}
		}
		if left == 1 {
			return n
		}
	}
}

// SmoothFrom is the smallest number from n on without a prime factor above 5; n >= 1.
func SmoothFrom(n int) int {
	for Smooth(n) != n {
		n++
	}
	return n
}

// Centroid is the cyclic centre of an image of light, (N, N): the phases of its lowest frequencies, in pixels in (-N/2,
// N/2]. Light moved by a pixel, also across the border, moves it by a pixel. sharpness is 0 for evenly spread light and
// 1 for a single pixel.
func Centroid[T float32 | float64](image []T, n int) (row, col, sharpness float64) {
	var rows, cols complex128
	sum := 0.0
	for i, v := range image {
		rows += cmplx.Rect(float64(v), 2*math.Pi*float64(i/n)/float64(n))
		cols += cmplx.Rect(float64(v), 2*math.Pi*float64(i%n)/float64(n))
		sum += float64(v)
	}
	pixels := float64(n) / (2 * math.Pi)
	return cmplx.Phase(rows) * pixels, cmplx.Phase(cols) * pixels, min(cmplx.Abs(rows), cmplx.Abs(cols)) / sum
}
