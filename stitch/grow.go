package stitch

import (
	"errors"
	"fmt"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// NewGrowing returns a canvas that covers nothing yet: Cover tells it of positions as they become known. When it covers those of a
// whole scan it is what NewCanvas would have made, whatever the order. Patches are N x N; weights are as for NewCanvas.
func NewGrowing(n int, weights *ndarray.Float32) (*Canvas, error) {
	quantised, err := quantiseWeights(weights, n)
	if err != nil {
		return nil, err
	}
	return &Canvas{n: n, weights: quantised}, nil
}

// box is a rectangle of pixels in the scan's frame.
type box struct{ top, left, bottom, right int }

func (b box) height() int { return b.bottom - b.top }
func (b box) width() int  { return b.right - b.left }

// over is the smallest box around two; an empty one counts for nothing.
func (b box) over(o box) box {
	if b.height() == 0 {
		return o
	}
	return box{min(b.top, o.top), min(b.left, o.left), max(b.bottom, o.bottom), max(b.right, o.right)}
}

// Cover extends the canvas over the patches of positions (x[i], y[i]), in object pixels. What it holds stays as it is. allow is asked before
// memory is taken, with the bytes that the canvas will hold and those that it holds now; its error is returned, and nothing has
// changed. Positions that no canvas can hold are *badinput.Error.
func (c *Canvas) Cover(x, y []float64, allow func(will, now int64) error) error {
	if len(x) == 0 || len(x) != len(y) {
		return errors.New("stitch: as many x as y, and one at least, are needed to cover")
	}
	left, right, err := extent("xcoords", x, c.n)
	if err != nil {
		return err
	}
	top, bottom, err := extent("ycoords", y, c.n)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := box{c.row, c.col, c.row + c.height, c.col + c.width}
	next := now.over(box{top, left, bottom, right})
	if next == now {
		return nil
	}
	if next.height() > maxSide || next.width() > maxSide || next.height() > maxPixels/next.width() {
		return &badinput.Error{
			Key: "xcoords, ycoords", Found: fmt.Sprintf("positions that span %d x %d pixels", next.height(), next.width()),
			Expected: fmt.Sprintf("at most %d pixels", maxPixels), Remedy: "give positions in object pixels",
		}
	}
	return c.extend(now, next, allow)
}

// room is the box that the pixels in memory stand for.
func (c *Canvas) room() box {
	if c.stride == 0 {
		return box{}
	}
	top, left := c.row-c.first/c.stride, c.col-c.first%c.stride
	return box{top, left, top + len(c.pixels)/c.stride, left + c.stride}
}

// extend makes next the canvas's box. It is used with the canvas locked.
func (c *Canvas) extend(now, next box, allow func(will, now int64) error) error {
	room := c.room()
	if room.over(next) != room {
		// Each side that has moved gets half of what the canvas measures on top, so that a scan that grows row by row is moved
		// a few times, not with every row.
		want := next
		if now.height() > 0 {
			spare := func(moved bool, size int) int {
				if moved {
					return size / 2
				}
				return 0
			}
			want.top -= spare(next.top < room.top, next.height())
			want.bottom += spare(next.bottom > room.bottom, next.height())
			want.left -= spare(next.left < room.left, next.width())
			want.right += spare(next.right > room.right, next.width())
			want = room.over(want)
		}
		if want.height() > maxPixels/want.width() {
			want = next
		}
		if allow != nil {
			if err := allow(bytesOf(want), bytesOf(room)); err != nil {
				return err
			}
		}
		pixels := make([]sums, want.height()*want.width())
		for r := range now.height() {
			copy(pixels[(now.top+r-want.top)*want.width()+now.left-want.left:], c.pixels[c.first+r*c.stride:][:now.width()])
		}
		c.pixels, c.stride, room = pixels, want.width(), want
	}
	c.row, c.col, c.height, c.width = next.top, next.left, next.height(), next.width()
	c.first = (next.top-room.top)*c.stride + next.left - room.left
	return nil
}

// Usable tells whether Add takes the values of a patch: who extends a canvas for a patch's sake asks before.
func Usable(patch []complex64) bool { return firstUnusable(patch) < 0 }

// bytesOf is what the pixels of a box take.
func bytesOf(b box) int64 { return int64(b.height()) * int64(b.width()) * bytesPerPixel }

const bytesPerPixel = 32
