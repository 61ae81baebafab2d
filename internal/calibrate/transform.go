package calibrate

import "gonum.org/v1/gonum/dsp/fourier"

// transform is a two-dimensional FFT of (N, N) waves, zero frequency at [0, 0]. It holds work space.
type transform struct {
	n      int
	fft    *fourier.CmplxFFT
	column []complex128
}

func newTransform(n int) *transform {
	return &transform{n: n, fft: fourier.NewCmplxFFT(n), column: make([]complex128, n)}
}

// forward replaces wave by its unnormalised transform.
func (t *transform) forward(wave []complex128) { t.along(wave, t.fft.Coefficients) }

// inverse undoes forward.
func (t *transform) inverse(wave []complex128) {
	t.along(wave, t.fft.Sequence)
	scale := complex(1/float64(t.n*t.n), 0)
	for i := range wave {
		wave[i] *= scale
	}
}

func (t *transform) along(wave []complex128, line func(dst, src []complex128) []complex128) {
	n := t.n
	for r := range n {
		row := wave[r*n : (r+1)*n]
		line(row, row)
	}
	for c := range n {
		for r := range n {
			t.column[r] = wave[r*n+c]
		}
		line(t.column, t.column)
		for r, v := range t.column {
			wave[r*n+c] = v
		}
	}
}
