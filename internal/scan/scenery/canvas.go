// Package scenery has the shapes that simulated samples are painted of and the pupils that simulated probes come from.
//
// A Canvas is a map of relative thickness, onto which shapes with soft edges are painted. A Pupil is the far field of a
// lens. Package simulate makes scans of both, package experiments single patterns.
package scenery

import "math"

// Canvas is a map of relative thickness (H, W), row-major. Coordinates are in pixels; (0, 0) is the centre of the first
// pixel.
type Canvas struct {
	H, W int
	Data []float64
	// Sharpness of the edges: an edge is about 2/Sharpness pixels wide. 1 makes an object nearly band-limited.
	Sharpness float64
}

// NewCanvas is an empty canvas with edges about two pixels wide.
func NewCanvas(h, w int) *Canvas {
	return &Canvas{H: h, W: w, Data: make([]float64, h*w), Sharpness: 1}
}

// Paint is how a shape joins what it covers.
type Paint struct {
	Value float64
	Cover bool // Value takes the place of what is there; otherwise it is added
}

// Add adds a thickness.
func Add(value float64) Paint { return Paint{Value: value} }

// Cover replaces the thickness.
func Cover(value float64) Paint { return Paint{Value: value, Cover: true} }

// put paints one pixel whose centre is distance pixels inside the shape, negative outside.
func (c *Canvas) put(i int, distance float64, p Paint) {
	c.blend(i, Step(distance*c.Sharpness), p)
}

// blend paints one pixel of which a share is inside the shape.
func (c *Canvas) blend(i int, inside float64, p Paint) {
	if p.Cover {
		c.Data[i] += (p.Value - c.Data[i]) * inside
	} else {
		c.Data[i] += p.Value * inside
	}
}

// margin is how far beyond its border a shape is painted, in pixels of sharpness 1.
const margin = 3

// Saturate bends sums of overlapping pieces into 0..1.
func (c *Canvas) Saturate() {
	for i, v := range c.Data {
		c.Data[i] = math.Tanh(v)
	}
}
