package stitch

import (
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
)

// Region is the part of Object in a box of the scan's frame, (H, W) of the box; 0 where no patch lies.
func (c *Canvas) Region(b frame.Box) *ComplexArray {
	out := ndarray.New[complex64](b.Height(), b.Width())
	c.mu.Lock()
	defer c.mu.Unlock()
	for row := max(b.Top, c.box.Top); row < min(b.Bottom, c.box.Bottom); row++ {
		for col := max(b.Left, c.box.Left); col < min(b.Right, c.box.Right); col++ {
			from := (row-c.room.Top)*c.room.Width() + col - c.room.Left
			out.Data[(row-b.Top)*b.Width()+col-b.Left] = c.pixels[from].value()
		}
	}
	return out
}
