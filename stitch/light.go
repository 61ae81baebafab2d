package stitch

import (
	"errors"

	"ptyx/internal/base/ndarray"
)

// errNotEmpty is returned by CountLight for a canvas that covers positions already.
var errNotEmpty = errors.New("stitch: light is counted from the first patch on, or not at all")

// CountLight makes Coverage the light on each pixel, where patches are weighted by something else: light (N, N) is the
// probe's intensity |P|^2 in any unit. Call it for a canvas of NewGrowing, before Cover. An *InputError reports
// intensities that are unusable, as NewCanvas does for weights.
func (c *Canvas) CountLight(light *Array) error {
	quantised, err := quantiseWeights(light, c.n)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pixels != nil {
		return errNotEmpty
	}
	c.light = quantised
	return nil
}

// addLight counts the light of a patch that begins at a row and column of the pixels in memory, with the canvas locked.
func (c *Canvas) addLight(row, col int) {
	for r := range c.n {
		start := (row+r)*c.room.Width() + col
		lights, light := c.lights[start:start+c.n], c.light[r*c.n:(r+1)*c.n]
		for i := range lights {
			lights[i] += light[i]
		}
	}
}

// lit is Coverage of a pixel in memory.
func (c *Canvas) lit(at int) float32 {
	if c.lights == nil {
		return c.pixels[at].total()
	}
	return float32(float64(c.lights[at]) / (1 << weightBits))
}

// at is the place in memory of pixel i of the object, in C order.
func (c *Canvas) at(i int) int {
	width := c.box.Width()
	return (c.box.Top-c.room.Top+i/width)*c.room.Width() + c.box.Left - c.room.Left + i%width
}

// Coverage is the light on each pixel, (H, W), in units of the probe's peak: 3 means as much as three patches give at
// their brightest pixel. Where it is small, the data do not determine the object. It is the sum of the weights, unless
// CountLight gave the light.
func (c *Canvas) Coverage() *Array {
	return c.each(func(i int, _ *sums) float32 { return c.lit(c.at(i)) })
}

// Weight is the sum of the weights of all patches on each pixel, (H, W), in units of the largest weight.
func (c *Canvas) Weight() *Array { return c.each(func(_ int, p *sums) float32 { return p.total() }) }

// each computes a value of each pixel of the object, (H, W).
func (c *Canvas) each(value func(i int, p *sums) float32) *Array {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := ndarray.New[float32](c.box.Height(), c.box.Width())
	for i, p := range c.all() {
		out.Data[i] = value(i, p)
	}
	return out
}
