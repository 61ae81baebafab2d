package render

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
)

// Raster is the panel's image alone as a PNG file, pixel for pixel, without axes: for pages that draw their own. One whose
// longer side is above side is reduced.
func (p *Panel) Raster(side int) ([]byte, error) {
	if p.H < 1 || p.W < 1 || len(p.Values) != p.H*p.W {
		return nil, fmt.Errorf("render: %d values for an image of %d x %d", len(p.Values), p.H, p.W)
	}
	scale := min(1, float64(side)/float64(max(p.H, p.W)))
	shrunk := func(n int) int { return max(1, int(math.Round(scale*float64(n)))) }
	img := image.NewRGBA(image.Rect(0, 0, shrunk(p.W), shrunk(p.H)))
	paint(img, img.Rect, p, p.Map.table())
	return encoded(img)
}

// Bar is the map's colours as a PNG file of 1 x 256 pixels, the high end on top.
func (m Colormap) Bar() ([]byte, error) {
	img, table := image.NewRGBA(image.Rect(0, 0, 1, 256)), m.table()
	for i, c := range table {
		img.SetRGBA(0, 255-i, c)
	}
	return encoded(img)
}

func encoded(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, img); err != nil {
		return nil, fmt.Errorf("encoding a picture: %w", err)
	}
	return b.Bytes(), nil
}

// Tick is a mark on an axis.
type Tick struct {
	Value float64
	Label string
}

// Ticks are marks at round values from low to high.
func Ticks(low, high float64) []Tick {
	var out []Tick
	for _, t := range (ticks{}).Ticks(low, high) {
		out = append(out, Tick{Value: t.Value, Label: t.Label})
	}
	return out
}

// Wrapped is a panel of phases on the whole circle: the cyclic map from -pi to pi, whatever range it had.
func (p *Panel) Wrapped() *Panel {
	w := *p
	w.Map, w.Low, w.High = Cyclic, -math.Pi, math.Pi
	return &w
}
