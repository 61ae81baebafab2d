package stitch

import "fmt"

// Emptied returns a canvas of the same frames without their values: it keeps the weights, the light, squared magnitudes
// and variances. Refill with each patch completes it. It shares memory with c, so nothing may be added to c any more;
// c's object stays valid.
func (c *Canvas) Emptied() *Canvas {
	c.mu.Lock()
	defer c.mu.Unlock()
	pixels := make([]sums, len(c.pixels))
	for i, p := range c.pixels {
		pixels[i].weight, pixels[i].square = p.weight, p.square
	}
	return &Canvas{
		n: c.n, weights: c.weights, light: c.light, box: c.box, room: c.room, pixels: pixels, lights: c.lights,
		logs: c.logs, seen: c.seen, heaviest: c.heaviest,
	}
}

// Refill puts the patch (N, N) of a frame back, once. It may differ from the one of Add by a global phase. Refill
// neither keeps nor changes the patch.
func (c *Canvas) Refill(x, y float64, patch []complex64) error {
	if len(patch) != len(c.weights) {
		return fmt.Errorf("stitch: a patch of %d values, want %d x %d", len(patch), c.n, c.n)
	}
	patch = shortened(patch)
	c.mu.Lock()
	defer c.mu.Unlock()
	row, col, ok := c.locate(x, y)
	if !ok {
		return fmt.Errorf("stitch: a patch at (%g, %g): %w", x, y, ErrOutside)
	}
	width := c.room.Width()
	for r := range c.n {
		start := (row+r)*width + col
		refill(c.pixels[start:start+c.n], patch[r*c.n:(r+1)*c.n], c.weights[r*c.n:(r+1)*c.n])
	}
	return nil
}

// refill adds one row of a patch whose weights and squared magnitudes are there.
func refill(pixels []sums, values []complex64, weights []int64) {
	values, weights = values[:len(pixels)], weights[:len(pixels)]
	for i := range pixels {
		p := &pixels[i]
		p.re += weights[i] * fixed(real(values[i]))
		p.im += weights[i] * fixed(imag(values[i]))
	}
}
