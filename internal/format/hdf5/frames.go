package hdf5

import "unsafe"

// readFrames reads frames first to first+count-1 into memory of a type of the library. A frame is an element of all
// axes but the last ones, cell of them.
func (d *Dataset) readFrames(to unsafe.Pointer, kind id, cell, first, count int) error {
	lead := d.Shape[:len(d.Shape)-cell]
	if d.virtual != nil {
		size := int(d.file.library.h5Tget_size(kind))
		n := int(product(1, d.Shape[len(lead):]))
		dst := unsafe.Slice((*byte)(to), n*count*size)
		return d.virtual.readElements(d, dst, kind, size, n*first, n*count)
	}
	if len(lead) == 0 {
		return d.readBlock(to, kind, make([]uint64, len(d.Shape)), dims(d.Shape))
	}
	size := product(int(d.file.library.h5Tget_size(kind)), d.Shape[len(lead):])
	last := len(lead) - 1
	if count == 0 {
		return nil
	}
	for { // a row of frames along the last of the leading axes at a time
		start, extent := make([]uint64, len(d.Shape)), dims(d.Shape)
		rest := first
		for axis := last; axis >= 0; axis-- {
			start[axis], extent[axis], rest = uint64(rest%lead[axis]), 1, rest/lead[axis]
		}
		n := min(count, lead[last]-int(start[last]))
		extent[last] = uint64(n)
		if err := d.readBlock(to, kind, start, extent); err != nil {
			return err
		}
		if first, count = first+n, count-n; count <= 0 {
			return nil // a pointer past the last frame would be invalid
		}
		to = unsafe.Add(to, uint64(n)*size)
	}
}

// readBlock reads a rectangle of a dataset that is not virtual.
func (d *Dataset) readBlock(to unsafe.Pointer, kind id, start, extent []uint64) error {
	l := d.file.library
	memory, file := defaults, defaults
	if len(d.Shape) > 0 {
		file, memory = l.h5Dget_space(d.id), l.h5Screate_simple(int32(len(extent)), &extent[0], nil)
		defer l.h5Sclose(memory)
		defer l.h5Sclose(file)
		const set = 0 // H5S_SELECT_SET
		if memory < 0 || l.h5Sselect_hyperslab(file, set, &start[0], nil, &extent[0], nil) < 0 {
			return d.unreadable()
		}
	}
	d.expectChunks()
	if l.h5Dread(d.id, kind, memory, file, defaults, to) < 0 {
		return d.unreadable()
	}
	return nil
}
