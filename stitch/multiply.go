package stitch

import "math"

// Multiply multiplies the object with a smooth factor, given for each pixel (row, column) of the scan's frame, as if
// each patch had been multiplied with it. Magnitudes of the factor are at most 2. Snapshots of the object before stay
// as they are.
func (c *Canvas) Multiply(factor func(row, col int) complex128) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.preserve(0, c.room.Height())
	for i, p := range c.all() {
		if p.weight > 0 {
			p.multiply(factor(c.box.Top+i/c.box.Width(), c.box.Left+i%c.box.Width()))
		}
	}
}

// multiply multiplies the values of a pixel. Rounding is to 1 part in 2^53 of the sums.
func (p *sums) multiply(by complex128) {
	value := complex(float64(p.re), float64(p.im)) * by
	p.re, p.im = int64(math.RoundToEven(real(value))), int64(math.RoundToEven(imag(value)))
	square := float64(p.square) * (real(by)*real(by) + imag(by)*imag(by))
	p.square = math.MaxUint64
	if square < 1<<64 {
		p.square = uint64(square)
	}
}
