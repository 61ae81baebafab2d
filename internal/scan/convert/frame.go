package convert

import (
	"slices"

	"ptyx/internal/scan/source"
)

// origin is the place of pixel (0, 0) in metres: as the file states it, else so that the middle of the object is at 0,
// or of the scan where there is none.
func (c *content) origin() source.Point {
	g := c.geometry
	if g.Origin != nil {
		return *g.Origin
	}
	col, row := middle(c.x), middle(c.y)
	if c.object != nil {
		col, row = float64(c.col)+float64(c.object.Shape[1])/2, float64(c.row)+float64(c.object.Shape[0])/2
	}
	return source.Point{X: -col * g.PixelX, Y: -row * g.PixelY}
}

func middle(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	return (slices.Min(values) + slices.Max(values)) / 2
}

// metres are the positions of the beam.
func (c *content) metres() (x, y []float64) {
	at := c.origin()
	for i := range c.x {
		x = append(x, at.X+c.geometry.PixelX*c.x[i])
		y = append(y, at.Y+c.geometry.PixelY*c.y[i])
	}
	return x, y
}

// corner is the place of the object's first pixel, in metres.
func (c *content) corner() source.Point {
	at, g := c.origin(), c.geometry
	return source.Point{X: at.X + float64(c.col)*g.PixelX, Y: at.Y + float64(c.row)*g.PixelY}
}
