package hdf5

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"strings"
	"unsafe"

	"ptyx/internal/base/ndarray"
)

// Dataset is an open array of a File, which closes it.
type Dataset struct {
	Path  string // as the caller gave it
	Type  Type
	Shape []int // empty for a single value

	file  *File
	id    id
	null  bool // has a type but no value
	chunk []int
	// where the values of a virtual dataset are; nil of another
	virtual *virtual
	packing packing
}

// Dataset opens the dataset at a path. A virtual dataset reads as if its values were in it; see Lost. Dataset refuses
// one with external storage, or packed by a filter that ptyx does not find.
func (f *File) Dataset(name string) (*Dataset, error) {
	l := f.library
	defer l.enter()()
	at, object, real, err := f.openObject(name)
	if err != nil {
		return nil, err
	}
	kind := l.h5Iget_type(object)
	l.h5Oclose(object)
	if kind != objectDataset {
		return nil, fault(f.path, name, "a group", "a dataset", "", nil)
	}
	d, err := at.openDataset(name, real, 0)
	if err == nil && d.virtual == nil {
		at.opened = append(at.opened, d.id)
	}
	return d, err
}

// openDataset opens the dataset at a path without links. depth is the number of virtual datasets that refer to it, each
// through the one before. A virtual dataset keeps nothing open.
func (f *File) openDataset(name, real string, depth int) (*Dataset, error) {
	l := f.library
	d := &Dataset{Path: name, file: f, id: l.h5Dopen2(f.file, real, defaults)}
	if d.id < 0 {
		return nil, f.unreadable(real, "a dataset that cannot be opened")
	}
	err := d.inspect(depth)
	if err != nil || d.virtual != nil {
		l.h5Dclose(d.id)
		d.id = -1
	} else {
		d.enlargeCache(real)
	}
	return d, err
}

// inspect reads the storage, the shape and the type of the dataset.
func (d *Dataset) inspect(depth int) (err error) {
	l := d.file.library
	properties, of := l.h5Dget_create_plist(d.id), l.h5Dget_type(d.id)
	defer l.h5Pclose(properties)
	defer l.h5Tclose(of)
	d.Type = l.describe(of)
	if d.packing, err = d.file.checkStorage(d.Path, properties); err != nil {
		return err
	}
	if l.h5Pget_layout(properties) == layoutVirtual {
		return d.assemble(properties, depth)
	}
	if l.h5Pget_layout(properties) == layoutChunked {
		var dims [32]uint64 // more than a dataset may have
		rank := int(l.h5Pget_chunk(properties, int32(len(dims)), &dims[0]))
		for _, n := range dims[:max(0, rank)] {
			d.chunk = append(d.chunk, int(n))
		}
	}
	if err := d.readShape(); err != nil {
		return err
	}
	if d.file.tree.growing && len(d.Shape) > 0 { // its writer may add to the file what the shape announces
		return d.checkPlausible(d.Shape[1:])
	}
	return d.checkPlausible(d.Shape)
}

func (d *Dataset) readShape() (err error) {
	space := d.file.library.h5Dget_space(d.id)
	defer d.file.library.h5Sclose(space)
	d.Shape, d.null, err = d.file.extent(d.Path, space)
	return err
}

// checkPlausible refuses an array of some shape that the file is too small for, before it decides an allocation.
func (d *Dataset) checkPlausible(shape []int) error {
	if v := d.virtual; v != nil {
		if product(max(1, d.Type.Size), shape) > max(freeBytes, 4*v.size) {
			return d.refuse(fmt.Sprintf("a virtual dataset of shape %v and parts of %d bytes", d.Shape, v.size),
				"an array that its parts can fill")
		}
		return nil
	}
	if product(max(1, d.Type.Size), shape) > uint64(max(freeBytes, d.packing.shrinks*d.file.size)) {
		return fault(d.file.path, d.Path, fmt.Sprintf("shape %v in a file of %d bytes", d.Shape, d.file.size),
			"an array that the file can hold", "copy or write the file again", nil)
	}
	return nil
}

// freeBytes is the size of an array that any file may claim: chunks that were never written take no space in it.
const freeBytes = 256 << 20

// product is size times all dims, or the largest integer if it is larger than that.
func product(size int, dims []int) uint64 {
	total := uint64(size)
	for _, n := range dims {
		hi, lo := bits.Mul64(total, uint64(n))
		if hi != 0 {
			return math.MaxUint64
		}
		total = lo
	}
	return total
}

// enlargeCache opens the dataset again with a cache for the chunks that one slice along the first axis touches, so that
// reading slice after slice unpacks each chunk once.
func (d *Dataset) enlargeCache(path string) {
	if len(d.chunk) != len(d.Shape) || len(d.chunk) == 0 {
		return
	}
	var counts []int // of chunks along the other axes
	for axis, n := range d.chunk[1:] {
		counts = append(counts, (d.Shape[axis+1]+n-1)/max(1, n))
	}
	const usual, most = 1 << 20, 256 << 20 // bytes; usual is the library's default
	size := product(max(1, d.Type.Size), append(counts, d.chunk...))
	if size <= usual || size > most {
		return
	}
	l := d.file.library
	access := l.h5Pcreate(l.ids.accessDataset)
	defer l.h5Pclose(access)
	// The cache is a hash table by remainders, which a prime number of slots spreads well.
	slots := int64(100 * product(1, counts))
	for !big.NewInt(slots).ProbablyPrime(0) {
		slots++
	}
	const evictRead = 1 // evict chunks that were read to their end first
	l.h5Pset_chunk_cache(access, uintptr(slots), uintptr(size), evictRead)
	if again := l.h5Dopen2(d.file.file, path, access); again >= 0 {
		l.h5Dclose(d.id)
		d.id = again
	}
}

// extent reads the shape of a dataspace; null reports one without any value.
func (f *File) extent(name string, space id) (shape []int, null bool, err error) {
	l := f.library
	switch l.h5Sget_simple_extent_type(space) {
	case spaceIsNull:
		return nil, true, nil
	case spaceIsScalar:
		return nil, false, nil
	}
	rank := int(l.h5Sget_simple_extent_ndims(space))
	var dims [32]uint64
	if rank < 0 || rank > len(dims) || l.h5Sget_simple_extent_dims(space, &dims[0], nil) < 0 {
		return nil, false, f.unreadable(name, "a shape that cannot be read")
	}
	shape = make([]int, rank)
	for axis := range shape {
		if dims[axis] > 1<<48 {
			return nil, false, fault(f.path, name, fmt.Sprintf("an axis of %d", dims[axis]),
				"a dataset that fits memory", "", nil)
		}
		shape[axis] = int(dims[axis])
	}
	return shape, false, nil
}

// expectChunks tells the decoders of filters how large the chunks of the dataset are.
func (d *Dataset) expectChunks() {
	chunk.exact = d.packing.exact && len(d.chunk) > 0
	chunk.bytes = int(min(product(max(1, d.Type.Size), d.chunk), math.MaxInt32))
}

// ChunkRows is the number of slices along the first axis in a chunk of the file; 1 without chunks.
func (d *Dataset) ChunkRows() int {
	if len(d.chunk) == 0 {
		return 1
	}
	return d.chunk[0]
}

// mustBeReal refuses datasets that are not of real numbers.
func (d *Dataset) mustBeReal() error {
	return d.mustBe(d.Type.Class == Integer || d.Type.Class == Float, "real numbers")
}

// Rows reads slices first to first+count-1 along the first axis of a real dataset into dst, which they fill.
func (d *Dataset) Rows(dst []float32, first, count int) error {
	if err := d.mustBeReal(); err != nil {
		return err
	}
	if len(d.Shape) == 0 || first < 0 || count < 0 || first+count > d.Shape[0] ||
		len(dst) != count*ndarray.Size(d.Shape[1:]) {
		return fmt.Errorf("hdf5: slices %d to %d of shape %v into %d values", first, first+count, d.Shape, len(dst))
	}
	if len(dst) == 0 {
		return nil
	}
	return d.read(pointer(dst), d.file.library.ids.float32, first, count)
}

// RowsComplex reads slices of a complex dataset as Rows does.
func (d *Dataset) RowsComplex(dst []complex64, first, count int) error {
	if err := d.mustBe(d.Type.Class == Complex, "complex values"); err != nil {
		return err
	}
	if len(dst) == 0 {
		return nil
	}
	return d.readComplex(dst, first, count)
}

// readAll reads all elements of a dataset, flattened in C order, as the library's type kind.
func readAll[T any](d *Dataset, kind id) ([]T, error) {
	n, err := d.elements(int(unsafe.Sizeof(*new(T))))
	if err != nil || n == 0 {
		return nil, err
	}
	data := make([]T, n)
	return data, d.read(pointer(data), kind, 0, all)
}

// Float32 reads a complete real dataset.
func (d *Dataset) Float32() (*ndarray.Float32, error) {
	if err := d.mustBeReal(); err != nil {
		return nil, err
	}
	data, err := readAll[float32](d, d.file.library.ids.float32)
	if err != nil {
		return nil, err
	}
	return ndarray.Wrap(data, d.Shape...), nil
}

// Float64s reads a complete real dataset, flattened in C order.
func (d *Dataset) Float64s() ([]float64, error) {
	if err := d.mustBeReal(); err != nil {
		return nil, err
	}
	return readAll[float64](d, d.file.library.ids.float64)
}

// Int64s reads a complete dataset of an integer type, flattened in C order.
func (d *Dataset) Int64s() ([]int64, error) {
	if err := d.mustBe(d.Type.Class == Integer, "whole numbers"); err != nil {
		return nil, err
	}
	return readAll[int64](d, d.file.library.ids.int64)
}

// Complex64 reads a complete complex dataset, or a real one with imaginary part 0.
func (d *Dataset) Complex64() (*ndarray.Complex64, error) {
	if d.mustBeReal() == nil {
		real, err := d.Float32()
		if err != nil {
			return nil, err
		}
		data := make([]complex64, len(real.Data))
		for i, v := range real.Data {
			data[i] = complex(v, 0)
		}
		return ndarray.Wrap(data, d.Shape...), nil
	}
	if err := d.mustBe(d.Type.Class == Complex, "complex values, as a compound (r, i), or real ones"); err != nil {
		return nil, err
	}
	n, err := d.elements(8)
	if err != nil {
		return nil, err
	}
	data := make([]complex64, n)
	if n > 0 {
		err = d.readComplex(data, 0, all)
	}
	return ndarray.Wrap(data, d.Shape...), err
}

// Text reads a dataset of one string.
func (d *Dataset) Text() (string, error) {
	texts, err := d.Texts()
	if err == nil && len(texts) != 1 {
		err = fault(d.file.path, d.Path, fmt.Sprintf("%d strings", len(texts)), "one", "", nil)
	}
	if err != nil {
		return "", err
	}
	return texts[0], nil
}

// Texts reads a dataset of strings, flattened in C order.
func (d *Dataset) Texts() ([]string, error) {
	if err := d.mustBe(d.Type.Class == String && d.virtual == nil, "text"); err != nil {
		return nil, err
	}
	n, err := d.elements(max(1, d.Type.Size))
	if err != nil || n == 0 {
		return nil, err
	}
	l := d.file.library
	defer l.enter()()
	kind, space := l.h5Dget_type(d.id), l.h5Dget_space(d.id)
	defer l.h5Tclose(kind)
	defer l.h5Sclose(space)
	texts := make([]string, n)
	d.expectChunks()
	if d.Type.variable {
		pointers := make([]unsafe.Pointer, n)
		if l.h5Dread(d.id, kind, defaults, defaults, defaults, unsafe.Pointer(&pointers[0])) < 0 {
			return nil, d.unreadable()
		}
		for i, p := range pointers {
			texts[i] = text(p)
		}
		l.h5Treclaim(kind, space, defaults, unsafe.Pointer(&pointers[0]))
		return texts, nil
	}
	size := max(1, d.Type.Size)
	raw := make([]byte, n*size)
	if l.h5Dread(d.id, kind, defaults, defaults, defaults, unsafe.Pointer(&raw[0])) < 0 {
		return nil, d.unreadable()
	}
	for i := range texts {
		texts[i] = fixedText(raw[i*size : (i+1)*size])
	}
	return texts, nil
}

// fixedText is a string of fixed length, which ends at a zero. Fortran pads with blanks.
func fixedText(raw []byte) string {
	s, _, _ := strings.Cut(string(raw), "\x00")
	return strings.TrimRight(s, " ")
}

// oneText reads one string of either kind.
func (a *api) oneText(t Type, kind, space id, read func(to unsafe.Pointer) int32) (string, bool) {
	if t.variable {
		pointer := new(unsafe.Pointer)
		if read(unsafe.Pointer(pointer)) < 0 {
			return "", false
		}
		s := text(*pointer)
		a.h5Treclaim(kind, space, defaults, unsafe.Pointer(pointer))
		return s, true
	}
	raw := make([]byte, max(1, t.Size))
	if read(unsafe.Pointer(&raw[0])) < 0 {
		return "", false
	}
	return fixedText(raw), true
}

// mustBe refuses a type that is not ok.
func (d *Dataset) mustBe(ok bool, expected string) error {
	if ok && !d.null {
		return nil
	}
	found := d.Type.String()
	if d.null {
		found = "a dataset without a value"
	}
	return fault(d.file.path, d.Path, found, expected, "", nil)
}

// elements is the number of elements. An array of them, of size bytes each, must fit memory, and the file.
func (d *Dataset) elements(size int) (int, error) {
	if err := d.checkPlausible(d.Shape); err != nil {
		return 0, err
	}
	total := product(1, d.Shape)
	const most = 1 << 40 // bytes
	if total > most/uint64(size) {
		return 0, fault(d.file.path, d.Path, fmt.Sprintf("shape %v", d.Shape), "an array that fits memory", "", nil)
	}
	return int(total), nil
}

// all, as a count, means every slice.
const all = -1

func (d *Dataset) readComplex(dst []complex64, first, count int) error {
	l := d.file.library
	leave := l.enter()
	kind, err := l.complexMemory(d.Type)
	leave()
	if err != nil {
		return fault(d.file.path, d.Path, "values that cannot be read", "", "", err)
	}
	err = d.read(unsafe.Pointer(&dst[0]), kind, first, count)
	defer l.enter()()
	l.h5Tclose(kind)
	return err
}

// read reads slices into memory of a type of the library.
func (d *Dataset) read(to unsafe.Pointer, kind id, first, count int) error {
	l := d.file.library
	defer l.enter()()
	if count == all {
		return d.readFrames(to, kind, len(d.Shape), 0, 1)
	}
	return d.readFrames(to, kind, len(d.Shape)-1, first, count)
}

// selectSlices makes the dataspaces of slices first to first+count-1 of a dataset, in memory and in the file; to be
// closed.
func (a *api) selectSlices(dataset id, shape []int, first, count int) (memory, file id, ok bool) {
	start, extent := make([]uint64, len(shape)), dims(shape)
	start[0], extent[0] = uint64(first), uint64(count)
	file = a.h5Dget_space(dataset)
	memory = a.h5Screate_simple(int32(len(extent)), &extent[0], nil)
	const set = 0 // H5S_SELECT_SET
	return memory, file, memory >= 0 && a.h5Sselect_hyperslab(file, set, &start[0], nil, &extent[0], nil) >= 0
}

// dims is a shape as the library takes it, with room for one axis at least.
func dims(shape []int) []uint64 {
	out := make([]uint64, len(shape), max(1, len(shape)))
	for axis, n := range shape {
		out[axis] = uint64(n)
	}
	return out
}

// unreadable is the error for data that the library does not read, with the cause of the last failed call.
func (d *Dataset) unreadable() error {
	cause := d.file.library.cause()
	if cause == nil {
		cause = errors.New("HDF5 does not say why")
	}
	return fault(d.file.path, d.Path, "data that cannot be read", "", "copy or write the file again", cause)
}
