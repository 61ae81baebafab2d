package solve

import "ptyx/internal/base/frame"

// plane is a complex image (height, width) as real and imaginary parts, which graphs take and return.
type plane struct {
	height, width int
	re, im        []float32
}

func newPlane(b frame.Box) *plane {
	size := b.Height() * b.Width()
	return &plane{height: b.Height(), width: b.Width(), re: make([]float32, size), im: make([]float32, size)}
}

func (p *plane) clear() {
	clear(p.re)
	clear(p.im)
}

// cut copies the n x n pixels whose first element is at.
func (p *plane) cut(at, n int, re, im []float32) {
	for r := range n {
		copy(re[r*n:][:n], p.re[at+r*p.width:])
		copy(im[r*n:][:n], p.im[at+r*p.width:])
	}
}

// subtract subtracts n x n pixels, the first one from element at.
func (p *plane) subtract(at, n int, re, im []float32) {
	for r := range n {
		subtract(p.re[at+r*p.width:][:n], re[r*n:][:n])
		subtract(p.im[at+r*p.width:][:n], im[r*n:][:n])
	}
}

func subtract(from, values []float32) {
	for i, v := range values {
		from[i] -= v
	}
}
