package render

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"math"

	"ptyx/internal/base/destination"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// Sizes of an image on a page, in device pixels. A smaller image than wantSide is enlarged by an integer factor, so
// that every pixel stays a square; one larger than fullSide is reduced.
const (
	wantSide = 768
	fullSide = 1536
)

// Cell is a part of a sheet: a *Panel or a *Chart.
type Cell interface {
	// size is the size of the cell, in points, if images measure w x h points.
	size(w, h vg.Length) vg.Point
	// draw fills the canvas, which img holds.
	draw(c draw.Canvas, img *image.RGBA)
}

// Sheet draws rows of cells into one PNG file, all panels to the scale of the largest.
func Sheet(path string, rows [][]Cell) error {
	var encoded bytes.Buffer
	if err := SheetTo(&encoded, rows); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return destination.WriteFile(path, encoded.Bytes(), 0o644)
}

// SheetTo writes the bytes of Sheet's file to w.
func SheetTo(w io.Writer, rows [][]Cell) error {
	height, width, across := 1, 1, 1
	for _, row := range rows {
		panels := 0
		for _, c := range row {
			if p, ok := c.(*Panel); ok {
				panels++
				height, width = max(height, p.H), max(width, p.W)
			}
		}
		across = max(across, panels)
	}
	imageWidth, imageHeight := imageSize(height, width, across)
	img, err := compose(rows, imageWidth, imageHeight)
	if err != nil {
		return err
	}
	return encode(w, img, png.BestSpeed)
}

// imageSize is the size in points at which an image of h x w pixels is drawn when so many images share a row.
func imageSize(h, w, across int) (width, height vg.Length) {
	want, full := float64(wantSide/min(across, 2)), float64(fullSide/min(across, 2))
	scale := 1.0
	switch side := float64(max(h, w)); {
	case side > full:
		scale = full / side
	case side < want:
		scale = math.Floor(want / side)
	}
	points := func(n int) vg.Length { return vg.Length(math.Max(1, math.Round(scale*float64(n)))) / perPoint }
	return points(w), points(h)
}

// compose draws the cells, each column as wide as its widest cell. A single cell in a row does not widen the first
// column.
func compose(rows [][]Cell, w, h vg.Length) (*image.RGBA, error) {
	widths, heights, page := measure(rows, w, h)
	canvas := vgimg.NewWith(vgimg.UseWH(page.X, page.Y), vgimg.UseDPI(dpi))
	img, ok := canvas.Image().(*image.RGBA)
	if !ok {
		return nil, fmt.Errorf("render: the canvas holds a %T, want an RGBA image", canvas.Image())
	}
	top := page.Y - margin
	for i, row := range rows {
		left := margin
		for j, c := range row {
			size := c.size(w, h)
			c.draw(draw.Canvas{Canvas: canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: left, Y: top - size.Y}, Max: vg.Point{X: left + size.X, Y: top},
			}}, img)
			left += widths[j] + margin
		}
		top -= heights[i] + margin
	}
	return img, nil
}

// measure gives the widths of columns, the heights of rows and the size of the page.
func measure(rows [][]Cell, w, h vg.Length) (widths, heights []vg.Length, page vg.Point) {
	single := vg.Length(0)
	for _, row := range rows {
		height := vg.Length(0)
		for j, c := range row {
			if j == len(widths) {
				widths = append(widths, 0)
			}
			size := c.size(w, h)
			height = max(height, roundUp(size.Y))
			if len(row) == 1 {
				single = max(single, roundUp(size.X))
			} else {
				widths[j] = max(widths[j], roundUp(size.X))
			}
		}
		heights = append(heights, height)
		page.Y += height + margin
	}
	for _, v := range widths {
		page.X += v + margin
	}
	return widths, heights, vg.Point{X: max(page.X, single+margin) + margin, Y: page.Y + margin}
}

// roundUp rounds up to points; a point is an integer number of device pixels.
func roundUp(v vg.Length) vg.Length { return vg.Length(math.Ceil(float64(v))) }

func encode(w io.Writer, img image.Image, level png.CompressionLevel) error {
	if err := (&png.Encoder{CompressionLevel: level}).Encode(w, img); err != nil {
		return fmt.Errorf("encoding a picture: %w", err)
	}
	return nil
}
