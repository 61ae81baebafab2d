package solve

import "ptyx/internal/base/frame"

// plane is a complex picture (height, width) as real and imaginary parts, which is how graphs take and give them.
type plane struct {
	height, width int
	re, im        []float32
}

func newPlane(height, width int) *plane {
	return &plane{height: height, width: width, re: make([]float32, height*width), im: make([]float32, height*width)}
}

func (p *plane) clear() {
	clear(p.re)
	clear(p.im)
}

// cut copies the n x n pixels from element at on.
func (p *plane) cut(at, n int, re, im []float32) {
	for r := range n {
		from, to := at+r*p.width, r*n
		copy(re[to:to+n], p.re[from:from+n])
		copy(im[to:to+n], p.im[from:from+n])
	}
}

// lay subtracts n x n pixels from element at on.
func (p *plane) lay(at, n int, re, im []float32) {
	for r := range n {
		subtract(p.re[at+r*p.width:][:n], re[r*n:][:n])
		subtract(p.im[at+r*p.width:][:n], im[r*n:][:n])
	}
}

func subtract(from, what []float32) {
	for i, v := range what {
		from[i] -= v
	}
}

// canvas says where the patches of a scan lie on the object.
type canvas struct {
	n             int
	row, col      int // of the first pixel in the scan's frame
	height, width int
}

// newCanvas covers the patches of all positions, and a margin around them.
func newCanvas(x, y []float64, n, margin int) canvas {
	top, bottom := frame.Range(y)
	left, right := frame.Range(x)
	return canvas{
		n: n, row: top - n/2 - margin, col: left - n/2 - margin,
		height: bottom - top + n + 2*margin, width: right - left + n + 2*margin,
	}
}

// at is the element of the canvas on which the patch of a position begins.
func (c canvas) at(x, y float64) int {
	return (frame.Pixel(y)-c.n/2-c.row)*c.width + frame.Pixel(x) - c.n/2 - c.col
}
