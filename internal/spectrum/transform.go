package spectrum

import "gonum.org/v1/gonum/dsp/fourier"

// Transform is the two-dimensional FFT of images (H, W), row-major, zero frequency at [0, 0]. It is planned once for a size
// and holds work space: each goroutine needs its own.
type Transform struct {
	h, w          int
	rows, columns *fourier.CmplxFFT
	column        []complex128
}

// NewTransform prepares for images of h x w pixels.
func NewTransform(h, w int) *Transform {
	return &Transform{h: h, w: w, rows: fourier.NewCmplxFFT(w), columns: fourier.NewCmplxFFT(h), column: make([]complex128, h)}
}

// Forward replaces the image by its unnormalised transform.
func (t *Transform) Forward(image []complex128) { t.along(image, (*fourier.CmplxFFT).Coefficients) }

// Inverse undoes Forward.
func (t *Transform) Inverse(image []complex128) {
	t.along(image, (*fourier.CmplxFFT).Sequence)
	scale := complex(1/float64(t.h*t.w), 0)
	for i := range image {
		image[i] *= scale
	}
}

// along works along rows, then along columns.
func (t *Transform) along(image []complex128, line func(fft *fourier.CmplxFFT, dst, src []complex128) []complex128) {
	for r := range t.h {
		row := image[r*t.w : (r+1)*t.w]
		line(t.rows, row, row)
	}
	for c := range t.w {
		for r := range t.column {
			t.column[r] = image[r*t.w+c]
		}
		line(t.columns, t.column, t.column)
		for r, v := range t.column {
			image[r*t.w+c] = v
		}
	}
}
