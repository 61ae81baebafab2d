package hdf5

import (
	"fmt"

	"ptyx/internal/base/ndarray"
)

// Slab reads the block of a real dataset that begins at start and has count elements along each axis into dst, which
// it fills in C order.
func (d *Dataset) Slab(dst []float32, start, count []int) error {
	if err := d.mustBeReal(); err != nil {
		return err
	}
	if len(d.Shape) == 0 || len(start) != len(d.Shape) || len(count) != len(d.Shape) || len(dst) != ndarray.Size(count) {
		return fmt.Errorf("hdf5: a block of %v from %v of shape %v into %d values", count, start, d.Shape, len(dst))
	}
	for axis, n := range count {
		if start[axis] < 0 || n < 0 || start[axis]+n > d.Shape[axis] {
			return fmt.Errorf("hdf5: a block of %v from %v of shape %v", count, start, d.Shape)
		}
	}
	if len(dst) == 0 {
		return nil
	}
	l := d.file.library
	defer l.enter()()
	from, extent := dims(start), dims(count)
	file, memory := l.h5Dget_space(d.id), l.h5Screate_simple(int32(len(extent)), &extent[0], nil)
	defer l.h5Sclose(file)
	defer l.h5Sclose(memory)
	const set = 0 // H5S_SELECT_SET
	if memory < 0 || l.h5Sselect_hyperslab(file, set, &from[0], nil, &extent[0], nil) < 0 ||
		l.h5Dread(d.id, l.ids.float32, memory, file, defaults, pointer(dst)) < 0 {
		return d.unreadable()
	}
	return nil
}

// Chunk is the shape of the chunks that the dataset is stored in; nil without chunks.
func (d *Dataset) Chunk() []int { return d.chunk }
