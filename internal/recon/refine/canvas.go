package refine

import (
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/solve"
)

// canvas is the refined object. It grows with the scan.
type canvas struct {
	box    frame.Box
	object []complex64
	light  []float32 // of all frames that were refined, in units of the probe's peak
}

// leastLight is the light, in units of the probe's peak, from which on a pixel counts as refined.
const leastLight = 0.1

// cover makes room for a box. Each side that grows gets half of the size as a reserve, so that a scan that grows row by
// row is moved a few times only.
func (c *canvas) cover(b frame.Box) {
	next := c.box.Union(b)
	if next == c.box {
		return
	}
	if c.box.Height() > 0 {
		height, width := next.Height()/2, next.Width()/2
		if next.Top < c.box.Top {
			next.Top -= height
		}
		if next.Bottom > c.box.Bottom {
			next.Bottom += height
		}
		if next.Left < c.box.Left {
			next.Left -= width
		}
		if next.Right > c.box.Right {
			next.Right += width
		}
	}
	grown := canvas{next, make([]complex64, next.Height()*next.Width()), make([]float32, next.Height()*next.Width())}
	for row := c.box.Top; row < c.box.Bottom; row++ {
		from, to := c.at(row, c.box.Left), grown.at(row, c.box.Left)
		copy(grown.object[to:], c.object[from:][:c.box.Width()])
		copy(grown.light[to:], c.light[from:][:c.box.Width()])
	}
	*c = grown
}

// at is the index of a pixel.
func (c *canvas) at(row, col int) int { return (row-c.box.Top)*c.box.Width() + col - c.box.Left }

// common is the part of a box that the canvas has.
func (c *canvas) common(b frame.Box) frame.Box {
	return frame.Box{
		Top: max(b.Top, c.box.Top), Left: max(b.Left, c.box.Left),
		Bottom: min(b.Bottom, c.box.Bottom), Right: min(b.Right, c.box.Right),
	}
}

// isRefined reports whether a pixel is refined.
func (c *canvas) isRefined(row, col int) bool {
	return row >= c.box.Top && row < c.box.Bottom && col >= c.box.Left && col < c.box.Right &&
		c.light[c.at(row, col)] >= leastLight
}

// touches reports whether a pixel of a box is refined.
func (c *canvas) touches(b frame.Box) bool {
	in := c.common(b)
	for row := in.Top; row < in.Bottom; row++ {
		for col := in.Left; col < in.Right; col++ {
			if c.light[c.at(row, col)] >= leastLight {
				return true
			}
		}
	}
	return false
}

// show copies refined pixels into an object that covers a box, and marks them in mask with 1; nil: it marks none.
func (c *canvas) show(object *ndarray.Complex64, b frame.Box, mask *ndarray.Float32) {
	in := c.common(b)
	for row := in.Top; row < in.Bottom; row++ {
		for col := in.Left; col < in.Right; col++ {
			from, to := c.at(row, col), (row-b.Top)*b.Width()+col-b.Left
			if c.light[from] < leastLight {
				continue
			}
			object.Data[to] = c.object[from]
			if mask != nil {
				mask.Data[to] = 1
			}
		}
	}
}

// addLight adds the light (n, n) of a frame at (x, y).
func (c *canvas) addLight(x, y float64, light []float32, n int) {
	row, col := frame.Corner(x, y, n)
	for r := range n {
		to := c.light[c.at(row+r, col):][:n]
		for i, v := range light[r*n:][:n] {
			to[i] += v
		}
	}
}

// put takes over the object of a block whose light was added. A pixel that frames outside of the block see, too, keeps
// their share of what it was.
func (c *canvas) put(s *solve.Solution, b frame.Box) {
	width := b.Width()
	for i, v := range s.Object.Data {
		at := c.at(b.Top+i/width, b.Left+i%width)
		all := c.light[at]
		if all == 0 {
			continue
		}
		share := complex(min(1, s.Coverage.Data[i]/all), 0)
		if c.object[at] == 0 {
			share = 1
		}
		c.object[at] += share * (v - c.object[at])
	}
}
