package stitch

import (
	"fmt"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
)

// NewGrowing returns a canvas that covers nothing yet; Cover adds positions as they become known. Once it covers those
// of a complete scan, in any order, it equals the canvas of NewCanvas. Patches are N x N; weights are as for NewCanvas.
func NewGrowing(n int, weights *Array) (*Canvas, error) {
	quantised, err := quantiseWeights(weights, n)
	if err != nil {
		return nil, err
	}
	return &Canvas{n: n, weights: quantised}, nil
}

// Cover extends the canvas over the patches of positions (x[i], y[i]), in object pixels, and keeps its contents. Before
// it takes memory it calls allow, unless nil, with the bytes that the canvas will take and those that it takes now. If
// allow returns an error, Cover returns it and changes nothing. An *InputError reports positions that no canvas can
// hold.
func (c *Canvas) Cover(x, y []float64, allow func(next, now int64) error) error {
	added, err := boxOf(x, y, c.n)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	next := c.box.Union(added)
	if next == c.box {
		return nil
	}
	if h, w := next.Height(), next.Width(); h > maxSide || w > maxSide || h > maxPixels/w {
		return &badinput.Error{
			Key: "xcoords, ycoords", Found: fmt.Sprintf("positions that span %d x %d pixels", h, w),
			Expected: fmt.Sprintf("at most %d pixels", maxPixels),
			Remedy:   "give positions in object pixels, or stitch the scan in parts",
		}
	}
	if c.room.Union(next) != c.room {
		if err := c.makeRoom(next, allow); err != nil {
			return err
		}
	}
	c.box = next
	return nil
}

// makeRoom moves the pixels into a larger block of memory, with the canvas locked. Each side that grew gets half of the
// canvas's size as a reserve, so that a scan that grows row by row is moved a few times, not with every row.
func (c *Canvas) makeRoom(next frame.Box, allow func(next, now int64) error) error {
	room := next
	if c.box != (frame.Box{}) {
		if next.Top < c.room.Top {
			room.Top -= next.Height() / 2
		}
		if next.Bottom > c.room.Bottom {
			room.Bottom += next.Height() / 2
		}
		if next.Left < c.room.Left {
			room.Left -= next.Width() / 2
		}
		if next.Right > c.room.Right {
			room.Right += next.Width() / 2
		}
		room = c.room.Union(room)
	}
	if room.Height() > maxPixels/room.Width() {
		room = next
	}
	if allow != nil {
		if err := allow(c.bytesOf(room), c.bytesOf(c.room)); err != nil {
			return err
		}
	}
	pixels, width := make([]sums, room.Height()*room.Width()), c.box.Width()
	var logs, lights []int64
	if c.logs != nil {
		logs = make([]int64, len(pixels))
	}
	if c.light != nil {
		lights = make([]int64, len(pixels))
	}
	for row := c.box.Top; row < c.box.Bottom; row++ {
		from := (row-c.room.Top)*c.room.Width() + c.box.Left - c.room.Left
		to := (row-room.Top)*room.Width() + c.box.Left - room.Left
		copy(pixels[to:to+width], c.pixels[from:])
		if logs != nil {
			copy(logs[to:to+width], c.logs[from:])
		}
		if lights != nil {
			copy(lights[to:to+width], c.lights[from:])
		}
	}
	c.pixels, c.logs, c.lights, c.room = pixels, logs, lights, room
	return nil
}

// bytesOf is the memory of the pixels of a box.
func (c *Canvas) bytesOf(b frame.Box) int64 {
	bytes := int64(bytesPerPixel)
	if c.logs != nil {
		bytes += bytesPerLog
	}
	if c.light != nil {
		bytes += bytesPerLight
	}
	return int64(b.Height()) * int64(b.Width()) * bytes
}

const (
	bytesPerPixel = 32
	bytesPerLog   = 8
	bytesPerLight = 8
)
