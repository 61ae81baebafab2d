package source

import (
	"fmt"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// readRows reads count slices along the leading axis of an array, from first on, into dst, which they fill.
type readRows func(dst []float32, first, count int) error

// sliced is a real array that is read in parts: patterns of a format that no other array of the package describes, or a
// different order of an array of HDF5.
type sliced struct {
	file, place string
	dtype       string // as numpy writes it
	shape       []int
	stored      []int // the shape in the file, if it is another
	rows        readRows
	direct      bool // single slices are read about as fast as all
	lost        *Lost
}

func (s sliced) fault(found, expected string) error {
	return &badinput.Error{File: s.file, Key: s.place, Found: found, Expected: expected}
}

func (s sliced) Header() (npz.Header, error) {
	return npz.Header{Dtype: s.dtype, Shape: slices.Clone(s.shape)}, nil
}

func (s sliced) Float32() (*ndarray.Float32, error) {
	all := ndarray.New[float32](s.shape...)
	return all, s.rows(all.Data, 0, s.shape[0])
}

func (s sliced) Float64s() ([]float64, error) {
	all, err := s.Float32()
	if err != nil {
		return nil, err
	}
	values := make([]float64, len(all.Data))
	for i, v := range all.Data {
		values[i] = float64(v)
	}
	return values, nil
}

func (s sliced) Int64s() ([]int64, error) { return nil, s.fault("patterns", "whole numbers") }

func (s sliced) Complex64() (*ndarray.Complex64, error) {
	return nil, s.fault("patterns", "complex values")
}

func (s sliced) Text() (string, error) { return "", s.fault("patterns", "text") }

func (s sliced) Pairs() (Stream, error) { return nil, s.fault("patterns", "complex values") }

func (s sliced) DirectPairs() (Direct, error) { return nil, s.fault("patterns", "complex values") }

func (s sliced) Stream(axes ...int) (Stream, error) {
	if len(axes) > 0 && len(axes) != len(s.shape) {
		return nil, fmt.Errorf("source: axes %v of %s, which has %d", axes, s.place, len(s.shape))
	}
	if keepsOrder(axes) {
		return &rows{count: s.shape[0], size: ndarray.Size(s.shape[1:]), read: s.rows}, nil
	}
	all, err := s.Float32()
	if err != nil {
		return nil, err
	}
	return slicesOf(transpose(all, axes)), nil
}

func (s sliced) Direct(axes ...int) (Direct, error) {
	if !keepsOrder(axes) || !s.direct {
		return nil, nil
	}
	return single(s.rows), nil
}

// slicesOf is a stream of the slices of an array in memory.
func slicesOf(a *ndarray.Float32) *rows {
	size := ndarray.Size(a.Shape[1:])
	return &rows{count: a.Shape[0], size: size, read: func(dst []float32, first, count int) error {
		copy(dst, a.Data[first*size:(first+count)*size])
		return nil
	}}
}

// exchangeAxes is the code of oriented for patterns whose rows and columns are exchanged.
const exchangeAxes = 4

// oriented turns each pattern (H, W) as PtyPy and PtyLab number it: 4 and more exchange rows and columns; then 1
// reverses the columns, 2 the rows, and 3 both.
func (s sliced) oriented(code int) sliced {
	if code == 0 {
		return s
	}
	read, h, w := s.rows, s.shape[1], s.shape[2]
	alongRow, alongColumn := 1, w // steps in a pattern of the file to the next column and to the next row
	height, width := h, w
	if code&4 != 0 {
		alongRow, alongColumn, height, width = w, 1, w, h
	}
	first := 0
	if code&1 != 0 {
		first, alongRow = first+(width-1)*alongRow, -alongRow
	}
	if code&2 != 0 {
		first, alongColumn = first+(height-1)*alongColumn, -alongColumn
	}
	s.shape = []int{s.shape[0], height, width}
	s.rows = func(dst []float32, from, count int) error {
		raw := make([]float32, len(dst))
		if err := read(raw, from, count); err != nil {
			return err
		}
		for at := 0; at+h*w <= len(raw); at += h * w {
			for r := range height {
				for c := range width {
					dst[at+r*width+c] = raw[at+first+r*alongColumn+c*alongRow]
				}
			}
		}
		return nil
	}
	return s
}

// folded reads a dataset (A, B, H, W), a raster of A x B patterns, as (A B, H, W).
func folded(d dataset) readRows {
	outer, size := d.Shape[1], ndarray.Size(d.Shape[2:])
	return func(dst []float32, first, count int) error {
		for count > 0 {
			a, b := first/outer, first%outer
			n := min(count, outer-b)
			start, extent := []int{a, b, 0, 0}, []int{1, n, d.Shape[2], d.Shape[3]}
			if err := d.Slab(dst[:n*size], start, extent); err != nil {
				return err
			}
			dst, first, count = dst[n*size:], first+n, count-n
		}
		return nil
	}
}

// joined reads several arrays of slices of one size as one, in their order.
func joined(parts []sliced) readRows {
	return func(dst []float32, first, count int) error {
		for _, p := range parts {
			size := ndarray.Size(p.shape[1:])
			if first >= p.shape[0] {
				first -= p.shape[0]
				continue
			}
			n := min(count, p.shape[0]-first)
			if err := p.rows(dst[:n*size], first, n); err != nil {
				return err
			}
			if dst, first, count = dst[n*size:], 0, count-n; count == 0 {
				break
			}
		}
		return nil
	}
}

// patternsOf describes a dataset of patterns as slices: (M, H, W), or a raster (A, B, H, W) in the order of its rows.
func patternsOf(d dataset) (sliced, bool) {
	h, _ := d.Header() // has no error
	s := sliced{file: d.file, place: d.Path, dtype: h.Dtype, shape: h.Shape, stored: d.Shape, rows: d.Rows,
		lost: lostOf(d, 2)}
	switch len(h.Shape) {
	case 3:
		s.direct = d.ChunkRows() <= slowChunk
	case 4:
		s.rows = folded(d)
		s.shape = []int{h.Shape[0] * h.Shape[1], h.Shape[2], h.Shape[3]}
		chunk := d.Chunk()
		s.direct = chunk == nil || chunk[0]*chunk[1] <= slowChunk
	default:
		return s, false
	}
	return s, true
}
