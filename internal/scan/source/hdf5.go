package source

import (
	"fmt"
	"io"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
)

// hdf5File is an HDF5 file as a container.
type hdf5File struct {
	*hdf5.File
	library string // path that the HDF5 library was loaded from, as for hdf5.Load
}

func (f hdf5File) Names() ([]string, error) { return f.File.Names("/") }

func (f hdf5File) open(path string) (array, error) {
	d, err := f.Dataset(path)
	if err != nil {
		return nil, err
	}
	return dataset{d, f.Path()}, nil
}

// arrays skips groups, structures and links that lead nowhere.
func (f hdf5File) arrays() (map[string]array, error) {
	names, err := f.Names()
	if err != nil {
		return nil, err
	}
	all := map[string]array{}
	for _, name := range names {
		there, err := f.Has(name)
		group := false
		if err == nil && there {
			group, err = f.IsGroup(name)
		}
		if err == nil && (!there || group) {
			continue
		}
		if err != nil {
			return nil, err
		}
		d, err := f.Dataset(name)
		if err != nil {
			return nil, err
		}
		if d.Type.Class != hdf5.Compound && d.Type.Class != hdf5.Other {
			all[name] = dataset{d, f.Path()}
		}
	}
	return all, nil
}

func (f hdf5File) attribute(object, name string) (value float64, present bool, err error) {
	if there, err := f.Has(object); err != nil || !there {
		return 0, false, err
	}
	return f.AttributeFloat(object, name)
}

func (f hdf5File) attributeText(object, name string) (value string, present bool, err error) {
	if there, err := f.Has(object); err != nil || !there {
		return "", false, err
	}
	return f.AttributeText(object, name)
}

func (f hdf5File) inside(path string) (names []string, group bool, err error) {
	if group, err = f.IsGroup(path); err != nil || !group {
		return nil, false, err
	}
	names, err = f.File.Names(path)
	return names, true, err
}

// dataset is an array of an HDF5 file.
type dataset struct {
	*hdf5.Dataset
	file string
}

func (d dataset) fault(found, expected string) error {
	return &badinput.Error{File: d.file, Key: d.Path, Found: found, Expected: expected}
}

// Header describes an array as numpy would; half precision counts as single, in which it is read.
func (d dataset) Header() (npz.Header, error) {
	dtype := d.Type.Numpy()
	if d.Type.Class == hdf5.Float && d.Type.Size == 2 {
		dtype = "<f4"
	}
	return npz.Header{Dtype: dtype, Shape: slices.Clone(d.Shape)}, nil
}

// Int64s takes whole numbers that are stored as floats, too.
func (d dataset) Int64s() ([]int64, error) {
	if d.Type.Class == hdf5.Integer {
		return d.Dataset.Int64s()
	}
	values, err := d.Float64s()
	if err != nil {
		return nil, err
	}
	numbers := make([]int64, len(values))
	for i, v := range values {
		if numbers[i] = int64(v); float64(numbers[i]) != v {
			return nil, d.fault(fmt.Sprintf("%v at index %d", v, i), "whole numbers")
		}
	}
	return numbers, nil
}

func (d dataset) Stream(axes ...int) (Stream, error) {
	if len(d.Shape) == 0 {
		return nil, d.fault("a single number", "an array")
	}
	if len(axes) > 0 && len(axes) != len(d.Shape) {
		return nil, fmt.Errorf("source: axes %v of %s, which has %d", axes, d.Path, len(d.Shape))
	}
	if keepsOrder(axes) {
		return &rows{count: d.Shape[0], size: ndarray.Size(d.Shape[1:]), read: d.Rows}, nil
	}
	if axes[0] != 0 {
		return d.across(axes), nil
	}
	size := ndarray.Size(d.Shape[1:])
	return &rows{count: d.Shape[0], size: size, read: func(dst []float32, first, count int) error {
		raw := ndarray.New[float32](append([]int{count}, d.Shape[1:]...)...)
		if err := d.Rows(raw.Data, first, count); err != nil {
			return err
		}
		copy(dst, transpose(raw, axes).Data)
		return nil
	}}, nil
}

// across is a stream of slices along another axis than the first, axes[0]. Slices are not stored together, so it reads
// as many at once as the chunks of the file hold, or as fit a block of memory.
func (d dataset) across(axes []int) Stream {
	const most = 16 << 20 // values
	along := axes[0]
	total := d.Shape[along]
	size := ndarray.Size(d.Shape) / max(1, total)
	atOnce := max(1, most/max(1, size))
	if chunk := d.Chunk(); len(chunk) == len(d.Shape) && chunk[along] > 0 && atOnce > chunk[along] {
		atOnce -= atOnce % chunk[along]
	}
	block := &ndarray.Float32{}
	begin, end := 0, 0 // slices in block
	return &rows{count: total, size: size, read: func(dst []float32, first, count int) error {
		for ; count > 0; first, count, dst = first+1, count-1, dst[size:] {
			if first < begin || first >= end {
				n := min(atOnce, total-first)
				start, extent := make([]int, len(d.Shape)), slices.Clone(d.Shape)
				start[along], extent[along] = first, n
				raw := ndarray.New[float32](extent...)
				if err := d.Slab(raw.Data, start, extent); err != nil {
					return err
				}
				block, begin, end = transpose(raw, axes), first, first+n
			}
			copy(dst[:size], block.Data[(first-begin)*size:])
		}
		return nil
	}}
}

func (d dataset) Pairs() (Stream, error) {
	if len(d.Shape) == 0 {
		return nil, d.fault("a single number", "an array")
	}
	return &rows{count: d.Shape[0], size: 2 * ndarray.Size(d.Shape[1:]), read: d.pairs}, nil
}

// pairs reads slices of a complex dataset as pairs of real and imaginary part.
func (d dataset) pairs(dst []float32, first, count int) error {
	values := make([]complex64, len(dst)/2)
	if err := d.RowsComplex(values, first, count); err != nil {
		return err
	}
	for i, v := range values {
		dst[2*i], dst[2*i+1] = real(v), imag(v)
	}
	return nil
}

// slowChunk is how many slices one chunk of the file may hold for single slices to be worth reading: each unpacks a
// chunk.
const slowChunk = 4

func (d dataset) Direct(axes ...int) (Direct, error) {
	if !keepsOrder(axes) || d.ChunkRows() > slowChunk || len(d.Shape) == 0 {
		return nil, nil
	}
	return single(d.Rows), nil
}

func (d dataset) DirectPairs() (Direct, error) {
	if d.ChunkRows() > slowChunk || len(d.Shape) == 0 {
		return nil, nil
	}
	return single(d.pairs), nil
}

// single reads one slice.
type single func(dst []float32, first, count int) error

func (s single) Read(i int, dst []float32) error { return s(dst, i, 1) }

// rows is a stream of slices.
type rows struct {
	count, size, at int
	read            func(dst []float32, first, count int) error
}

func (r *rows) Next(dst []float32) (int, error) {
	if r.at == r.count || r.size == 0 {
		return 0, io.EOF
	}
	n := min(r.count-r.at, len(dst)/r.size)
	if n == 0 {
		return 0, fmt.Errorf("source: a stream of slices of %d elements into a buffer of %d", r.size, len(dst))
	}
	if err := r.read(dst[:n*r.size], r.at, n); err != nil {
		return 0, err
	}
	r.at += n
	return n, nil
}

// Skip skips n slices, or as many as are left.
func (r *rows) Skip(n int) { r.at = min(r.count, r.at+n) }

func (r *rows) Close() error { return nil }

// keepsOrder reports whether axes leave an array as it is.
func keepsOrder(axes []int) bool {
	for i, a := range axes {
		if a != i {
			return false
		}
	}
	return true
}

// transpose permutes axes as numpy.transpose does.
func transpose(a *ndarray.Float32, axes []int) *ndarray.Float32 {
	rank := len(a.Shape)
	strides, shape := make([]int, rank), make([]int, rank)
	for axis, stride := rank-1, 1; axis >= 0; axis-- {
		strides[axis], shape[axis] = stride, a.Shape[axes[axis]]
		stride *= a.Shape[axis]
	}
	out := ndarray.New[float32](shape...)
	at := make([]int, rank) // of the element in out
	from := 0               // its place in a
	for i := range out.Data {
		out.Data[i] = a.Data[from]
		for axis := rank - 1; axis >= 0; axis-- {
			from += strides[axes[axis]]
			if at[axis]++; at[axis] < shape[axis] {
				break
			}
			from -= at[axis] * strides[axes[axis]]
			at[axis] = 0
		}
	}
	return out
}
