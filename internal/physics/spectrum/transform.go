package spectrum

// Transform is the two-dimensional FFT of images (H, W), row-major, zero frequency at [0, 0]. It is planned once for a
// size and holds work space: each goroutine needs its own.
type Transform struct {
	h, w          int
	rows, columns *stages
	spare         []complex128 // (H, W)
}

// NewTransform prepares for images of h x w pixels.
func NewTransform(h, w int) *Transform {
	t := &Transform{h: h, w: w, columns: newStages(h), spare: make([]complex128, h*w)}
	if t.rows = t.columns; w != h {
		t.rows = newStages(w)
	}
	return t
}

// Forward replaces the image by its unnormalised transform.
func (t *Transform) Forward(image []complex128) {
	result, other := t.columns.forward(image, t.spare, t.w)
	transpose(other, result, t.h, t.w)
	result, other = t.rows.forward(other, result, t.h)
	transpose(other, result, t.w, t.h)
	if len(image) > 0 && &other[0] != &image[0] {
		copy(image, other)
	}
}

// Inverse undoes Forward: the conjugate of the transform of the conjugate, divided by the number of pixels.
func (t *Transform) Inverse(image []complex128) {
	for i, v := range image {
		image[i] = complex(real(v), -imag(v))
	}
	t.Forward(image)
	scale := 1 / float64(t.h*t.w)
	for i, v := range image {
		image[i] = complex(scale*real(v), -scale*imag(v))
	}
}

// block is the side of the squares in which an image is transposed: rows of both sides stay in the first cache.
const block = 16

// transpose writes src (h, w) to dst (w, h).
func transpose(dst, src []complex128, h, w int) {
	for r0 := 0; r0 < h; r0 += block {
		for c0 := 0; c0 < w; c0 += block {
			for r := r0; r < min(r0+block, h); r++ {
				for c, v := range src[r*w+c0 : r*w+min(c0+block, w)] {
					dst[(c0+c)*h+r] = v
				}
			}
		}
	}
}
