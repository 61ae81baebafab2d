package source

import (
	"fmt"
	"io"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// isRaster reports whether a shape is that of a raster (A, B, H, W) of patterns. A last axis of 1 is none of a
// pattern's.
func isRaster(shape []int) bool { return len(shape) == 4 && shape[3] != 1 }

// asPatterns gives a raster (A, B, H, W) as patterns (A B, H, W) in the order of its rows. Other arrays stay as they
// are.
func (r *reader) asPatterns(a array) array {
	h, err := a.Header()
	r.keep(err)
	if err != nil || !isRaster(h.Shape) {
		return a
	}
	r.Facts.Raster = Raster{Rows: h.Shape[0], Columns: h.Shape[1]}
	if d, is := a.(dataset); is {
		s, _ := patternsOf(d)
		return s
	}
	return raster{a, h}
}

// raster is an array (A, B, H, W) of a container that reads it row by row, as (A B, H, W).
type raster struct {
	array
	h npz.Header
}

func (a raster) Header() (npz.Header, error) {
	h := a.h
	h.Shape = []int{h.Shape[0] * h.Shape[1], h.Shape[2], h.Shape[3]}
	return h, nil
}

func (a raster) Float32() (*ndarray.Float32, error) {
	all, err := a.array.Float32()
	if err != nil {
		return nil, err
	}
	return ndarray.Wrap(all.Data, a.h.Shape[0]*a.h.Shape[1], a.h.Shape[2], a.h.Shape[3]), nil
}

func (a raster) Direct(...int) (Direct, error) { return nil, nil }

func (a raster) Stream(axes ...int) (Stream, error) {
	if !keepsOrder(axes) {
		return nil, fmt.Errorf("source: axes %v of a raster", axes)
	}
	rows, err := a.array.Stream()
	if err != nil {
		return nil, err
	}
	size := ndarray.Size(a.h.Shape[2:])
	return &rasterStream{rows: rows, size: size, row: make([]float32, a.h.Shape[1]*size)}, nil
}

// rasterStream gives the images of a stream of their rows.
type rasterStream struct {
	rows Stream
	size int       // of an image
	row  []float32 // one row
	left []float32 // of the row, not yet given
}

func (s *rasterStream) Next(dst []float32) (int, error) {
	if len(dst) < s.size {
		return 0, fmt.Errorf("source: a stream of slices of %d elements into a buffer of %d", s.size, len(dst))
	}
	if s.size == 0 || len(s.row) == 0 {
		return 0, io.EOF
	}
	if len(s.left) == 0 {
		if _, err := s.rows.Next(s.row); err != nil {
			return 0, err
		}
		s.left = s.row
	}
	n := min(len(dst), len(s.left)) / s.size
	copy(dst, s.left[:n*s.size])
	s.left = s.left[n*s.size:]
	return n, nil
}

func (s *rasterStream) Close() error { return s.rows.Close() }

// Outer takes the positions from two axes of a raster: x and y become those of its points, in the order of its rows.
// The patterns decide which axis is the slow one if they are a raster of other lengths; else it is y.
func (s *Source) Outer(of *Source) error {
	x, err := s.Float64s(X)
	if err != nil {
		return err
	}
	y, err := s.Float64s(Y)
	if err != nil {
		return err
	}
	slowX := of.Facts.Raster.Rows == len(x) && of.Facts.Raster.Columns == len(y) && len(x) != len(y)
	slow, fast := y, x
	if slowX {
		slow, fast = x, y
	}
	var outer, inner []float64
	for _, v := range slow {
		outer, inner = append(outer, slices.Repeat([]float64{v}, len(fast))...), append(inner, fast...)
	}
	if slowX {
		outer, inner = inner, outer
	}
	s.members[X] = member{place: s.Place(X), values: inner}
	s.members[Y] = member{place: s.Place(Y), values: outer}
	return nil
}
