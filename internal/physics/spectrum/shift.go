package spectrum

import "math"

// Nyquist says what a subpixel shift does to the Nyquist frequency of an even number of samples. That frequency has no
// sign, so its factor is a choice. A field that is sampled finely enough has nothing there.
type Nyquist int

const (
	// RealNyquist takes cos(pi d), the mean of both signs, which keeps a real signal real but loses energy.
	RealNyquist Nyquist = iota
	// ComplexNyquist takes exp(i pi d), the frequency -1/2 as in numpy.fft.fftfreq, which keeps the energy.
	ComplexNyquist
)

// Shift moves an image by (dr, dc) pixels in place, towards larger rows and columns, cyclically: the value at r becomes
// the value that was at r - dr, by trigonometric interpolation.
func (t *Transform) Shift(image []complex128, dr, dc float64, nyquist Nyquist) {
	t.Forward(image)
	rows, columns := ShiftFactors(t.h, dr, nyquist), ShiftFactors(t.w, dc, nyquist)
	for i := range image {
		image[i] *= rows[i/t.w] * columns[i%t.w]
	}
	t.Inverse(image)
}

// ShiftFactors are exp(-2 pi i k d / n) of the n signed frequencies k. The transform of n samples times these factors
// is that of the samples moved by d (shift theorem).
func ShiftFactors(n int, d float64, nyquist Nyquist) []complex128 {
	out := make([]complex128, n)
	for i := range out {
		k := Frequency(i, n)
		sin, cos := math.Sincos(-2 * math.Pi * float64(k) * d / float64(n))
		if 2*k == -n && nyquist == RealNyquist {
			sin = 0
		}
		out[i] = complex(cos, sin)
	}
	return out
}
