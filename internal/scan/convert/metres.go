package convert

import (
	"math"
	"slices"

	"ptyx/internal/scan/source"
)

func abs(v float64) float64   { return math.Abs(v) }
func round(v float64) float64 { return math.Round(v) }

// pixel refuses a content whose pixels are of no known size.
func (w *writer) needPixel() error {
	if w.geometry.PixelX > 0 && w.geometry.PixelY > 0 {
		return nil
	}
	return w.needs("nothing that tells how wide a pixel of the object is", "an energy, a distance and the size of the detector's pixels, for positions in metres",
		"give --pixel-size-nm, or --energy-ev, --distance-m and --detector-pixel-um")
}

// origin is where pixel (0, 0) of the frame is in metres: where the file had it, else so that the middle of the object, or of the
// scan where there is none, is at 0.
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

// corner is where the object's first pixel is.
func (c *content) corner() source.Point {
	at := c.origin()
	return source.Point{X: at.X + float64(c.col)*c.geometry.PixelX, Y: at.Y + float64(c.row)*c.geometry.PixelY}
}

// centre is where pixel (H/2, W/2) of the object is, which ptychodus calls its centre.
func (c *content) centre() source.Point {
	at := c.corner()
	return source.Point{X: at.X + float64(c.object.Shape[1])/2*c.geometry.PixelX, Y: at.Y + float64(c.object.Shape[0])/2*c.geometry.PixelY}
}

// photons are those of the probe: |FFT2(P O)|^2 / N^2 sums to |P O|^2.
func (c *content) photons() float64 {
	sum := 0.0
	for _, v := range c.probe.Data {
		re, im := float64(real(v)), float64(imag(v))
		sum += re*re + im*im
	}
	return sum
}
