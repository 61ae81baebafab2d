package stitch

import (
	"slices"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
)

// Snapshot is the object of a canvas at one moment, without the patches that are added later. Its arrays take 16 bytes
// per pixel and are valid after Complete.
type Snapshot struct {
	Object   *ComplexArray // (H, W), that of Canvas.Object
	Coverage *Array        // (H, W), that of Canvas.Coverage
	Spread   *Array        // (H, W), that of Canvas.Spread
	Row, Col int           // of pixel [0, 0] in the scan's frame, that of Canvas.Origin

	canvas *Canvas
	box    frame.Box // of the object
	rows   int       // of a band; row 0 is the first of box, wherever the canvas moves its pixels
	done   []bool    // bands that are computed
}

// bandPixels are computed at a time, in a fraction of a millisecond.
const bandPixels = 1 << 15

// Snapshot fixes the object of this moment. It returns at once; Complete must follow. Several goroutines may add
// patches meanwhile: Add computes the rows of the snapshot that it is about to change.
func (c *Canvas) Snapshot() *Snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	h, w := c.box.Height(), c.box.Width()
	s := &Snapshot{
		Object: ndarray.New[complex64](h, w), Coverage: ndarray.New[float32](h, w), Spread: ndarray.New[float32](h, w),
		Row: c.box.Top, Col: c.box.Left, canvas: c, box: c.box, rows: max(1, bandPixels/max(1, w)),
	}
	s.done = make([]bool, (h+s.rows-1)/s.rows)
	c.open = append(c.open, s)
	return s
}

// Complete computes the arrays. It locks the canvas for one band of rows at a time, so that Add does not wait for all.
func (s *Snapshot) Complete() {
	c := s.canvas
	for band := range s.done {
		c.mu.Lock()
		s.compute(band)
		c.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = slices.DeleteFunc(c.open, func(other *Snapshot) bool { return other == s })
}

// compute computes a band, once, with the canvas locked.
func (s *Snapshot) compute(band int) {
	if s.done[band] {
		return
	}
	s.done[band] = true
	c, width := s.canvas, s.box.Width()
	for r := band * s.rows; r < min((band+1)*s.rows, s.box.Height()); r++ {
		start := (s.box.Top-c.room.Top+r)*c.room.Width() + s.box.Left - c.room.Left
		for i, p := range c.pixels[start : start+width] {
			k := r*width + i
			s.Object.Data[k], s.Coverage.Data[k], s.Spread.Data[k] = p.value(), c.lit(start+i), p.spread()
		}
	}
}

// preserve computes what open snapshots need of some rows before these change. Rows count from the top of c.room.
func (c *Canvas) preserve(from, to int) {
	for _, s := range c.open {
		shift := s.box.Top - c.room.Top
		first, last := max(from-shift, 0)/s.rows, min(to-shift, s.box.Height())-1
		for band := first; last >= 0 && band <= last/s.rows; band++ {
			s.compute(band)
		}
	}
}
