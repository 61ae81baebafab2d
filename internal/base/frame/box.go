package frame

import "slices"

// Box is a rectangle of pixels in the scan's frame: rows [Top, Bottom), columns [Left, Right).
type Box struct{ Top, Left, Bottom, Right int }

// Corner is the row and column of the first pixel of the patch of n x n pixels at position (x, y).
func Corner(x, y float64, n int) (row, col int) { return Pixel(y) - n/2, Pixel(x) - n/2 }

// Cover is the smallest box around the patches of n x n pixels of all positions. There is at least one; all are finite.
func Cover(x, y []float64, n int) Box {
	top, left := Corner(slices.Min(x), slices.Min(y), n)
	bottom, right := Corner(slices.Max(x), slices.Max(y), n)
	return Box{top, left, bottom + n, right + n}
}

// Height is the number of rows.
func (b Box) Height() int { return b.Bottom - b.Top }

// Width is the number of columns.
func (b Box) Width() int { return b.Right - b.Left }

// Offset is the row and column of the first pixel of a position's patch of n x n pixels, counted from the box's corner.
func (b Box) Offset(x, y float64, n int) (row, col int) {
	return Pixel(y) - n/2 - b.Top, Pixel(x) - n/2 - b.Left
}

// Grow is the box with a margin on all sides.
func (b Box) Grow(margin int) Box {
	return Box{b.Top - margin, b.Left - margin, b.Bottom + margin, b.Right + margin}
}

// Union is the smallest box around two; an empty one adds nothing.
func (b Box) Union(o Box) Box {
	if b.Height() == 0 {
		return o
	}
	return Box{min(b.Top, o.Top), min(b.Left, o.Left), max(b.Bottom, o.Bottom), max(b.Right, o.Right)}
}

// Overlaps reports whether two boxes share a pixel.
func (b Box) Overlaps(o Box) bool {
	return b.Top < o.Bottom && o.Top < b.Bottom && b.Left < o.Right && o.Left < b.Right
}
