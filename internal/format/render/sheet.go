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

// Sizes of an image on a page, in device pixels. Small objects are enlarged by a whole factor, so that every pixel stays
// a square; up to fullSide, pixel is pixel; beyond, it is reduced.
const (
	wantSide = 768
	fullSide = 1536
)

// Cell is what a sheet is made of: a *Panel or a *Chart.
type Cell interface {
	// size is the whole cell's, in points, when images measure w x h points.
	size(w, h vg.Length) vg.Point
	// draw fills the canvas, whose pixels are img's.
	draw(c draw.Canvas, img *image.RGBA)
}

// Sheet draws rows of cells into one PNG file, all panels to the scale of the largest.
func Sheet(path string, rows [][]Cell) error {
	img, err := laidOut(rows)
	if err != nil {
		return err
	}
	return writePNG(path, img)
}

// SheetTo writes the bytes of Sheet's file to w.
func SheetTo(w io.Writer, rows [][]Cell) error {
	img, err := laidOut(rows)
	if err != nil {
		return err
	}
	return encode(w, img)
}

func laidOut(rows [][]Cell) (*image.RGBA, error) {
	h, w, across := 1, 1, 1
	for _, row := range rows {
		panels := 0
		for _, c := range row {
			if p, ok := c.(*Panel); ok {
				panels++
				h, w = max(h, p.H), max(w, p.W)
			}
		}
		across = max(across, panels)
	}
	width, height := imageSize(h, w, across)
	return layOut(rows, width, height)
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

// layOut places the cells, each column as wide as its widest cell, and draws them. A cell that is
// alone in its row does not widen the first column.
func layOut(rows [][]Cell, w, h vg.Length) (*image.RGBA, error) {
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
	alone := vg.Length(0)
	for _, row := range rows {
		height := vg.Length(0)
		for j, c := range row {
			if j == len(widths) {
				widths = append(widths, 0)
			}
			size := c.size(w, h)
			height = max(height, whole(size.Y))
			if len(row) == 1 {
				alone = max(alone, whole(size.X))
			} else {
				widths[j] = max(widths[j], whole(size.X))
			}
		}
		heights = append(heights, height)
		page.Y += height + margin
	}
	for _, v := range widths {
		page.X += v + margin
	}
	return widths, heights, vg.Point{X: max(page.X, alone+margin) + margin, Y: page.Y + margin}
}

// whole rounds up to points, which are whole device pixels.
func whole(v vg.Length) vg.Length { return vg.Length(math.Ceil(float64(v))) }

func encode(w io.Writer, img image.Image) error {
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(w, img); err != nil {
		return fmt.Errorf("encoding a picture: %w", err)
	}
	return nil
}

// writePNG replaces the file in one step.
func writePNG(path string, img image.Image) error {
	var encoded bytes.Buffer
	if err := encode(&encoded, img); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return destination.WriteFile(path, encoded.Bytes(), 0o644)
}
