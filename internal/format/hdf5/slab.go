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
	if len(d.Shape) == 0 || len(start) != len(d.Shape) || len(count) != len(d.Shape) ||
		len(dst) != ndarray.Size(count) {
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
	if d.virtual != nil {
		return d.virtualSlab(dst, start, count)
	}
	return d.readBlock(pointer(dst), l.ids.float32, dims(start), dims(count))
}

// virtualSlab is Slab for a virtual dataset. It reads elements that are in a row together.
func (d *Dataset) virtualSlab(dst []float32, start, count []int) error {
	cell := 0 // axes that are read in full, at the end
	for axis := len(count) - 1; axis > 0 && count[axis] == d.Shape[axis]; axis-- {
		cell++
	}
	last := len(count) - 1 - cell
	size := count[last] * ndarray.Size(count[last+1:])
	at := make([]int, last) // of the row, from start on
	for row := 0; row < len(dst); row += size {
		first := 0
		for axis := range last {
			first = first*d.Shape[axis] + start[axis] + at[axis]
		}
		first = first*d.Shape[last] + start[last]
		if err := d.readFrames(pointer(dst[row:]), d.file.library.ids.float32, cell, first, count[last]); err != nil {
			return err
		}
		for axis := last - 1; axis >= 0; axis-- {
			if at[axis]++; at[axis] < count[axis] {
				break
			}
			at[axis] = 0
		}
	}
	return nil
}

// Chunk is the shape of the chunks that the dataset is stored in; nil without chunks.
func (d *Dataset) Chunk() []int { return d.chunk }
