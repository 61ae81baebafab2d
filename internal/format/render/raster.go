package render

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math"
)

// Raster is the panel's image as a PNG file, pixel for pixel, without axes. An image whose longer side exceeds side
// pixels is reduced.
func (p *Panel) Raster(side int) ([]byte, error) {
	if p.H < 1 || p.W < 1 || len(p.Values) != p.H*p.W {
		return nil, fmt.Errorf("render: %d values for an image of %d x %d", len(p.Values), p.H, p.W)
	}
	scale := min(1, float64(side)/float64(max(p.H, p.W)))
	reduced := func(n int) int { return max(1, int(math.Round(scale*float64(n)))) }
	img := image.NewRGBA(image.Rect(0, 0, reduced(p.W), reduced(p.H)))
	paint(img, img.Rect, p, p.Map.table())
	return encoded(img)
}

// Bar is the colour map as a PNG file of 1 x 256 pixels, the high end on top.
func (m Colormap) Bar() ([]byte, error) {
	img, table := image.NewRGBA(image.Rect(0, 0, 1, 256)), m.table()
	for i, c := range table {
		img.SetRGBA(0, 255-i, c)
	}
	return encoded(img)
}

func encoded(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := encode(&b, img, png.BestCompression)
	return b.Bytes(), err
}

// Wrapped is a copy of a panel of phases that shows them from -pi to pi with the cyclic map.
func (p *Panel) Wrapped() *Panel {
	w := *p
	w.Map, w.Low, w.High = Cyclic, -math.Pi, math.Pi
	return &w
}
