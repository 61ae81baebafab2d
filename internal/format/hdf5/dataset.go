package hdf5

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"unsafe"

	"ptyx/internal/base/ndarray"
)

// Dataset is an array of a File, opened; it ends with the file.
type Dataset struct {
	Path  string // as it was asked for
	Type  Type
	Shape []int // empty for a single value

	file  *File
	id    id
	null  bool // has a type and no value at all
	chunk []int
}

// Dataset opens the dataset at a path. It refuses one whose values lie in other files, or are packed by a filter that the
// library does not have.
func (f *File) Dataset(name string) (*Dataset, error) {
	l := f.library
	defer l.enter()()
	object, real, err := f.openObject(name)
	if err != nil {
		return nil, err
	}
	kind := l.objectType(object)
	l.objectClose(object)
	if kind != objectDataset {
		return nil, fault(f.path, name, "a group", "a dataset", "", nil)
	}
	dataset, chunk, err := f.openDataset(name, real)
	if err != nil {
		return nil, err
	}
	f.opened = append(f.opened, dataset)
	d := &Dataset{Path: name, file: f, id: dataset, chunk: chunk}
	if d.Shape, d.null, err = f.extent(name, l.datasetSpace(dataset)); err != nil {
		return nil, err
	}
	of := l.datasetType(dataset)
	d.Type = l.describe(of)
	l.typeClose(of)
	if err := d.plausible(); err != nil {
		return nil, err
	}
	return d, nil
}

// freeBytes is how large an array may be in however small a file: chunks that were never written take no room in it.
const freeBytes = 256 << 20

// plausible refuses a shape that the file is too small for, before anybody allocates what it says: deflate, the strongest of the
// library's own filters on data that vary, shrinks by a factor of at most 1032.
func (d *Dataset) plausible() error {
	most := uint64(max(freeBytes, 1032*d.file.size))
	total := uint64(max(1, d.Type.Size))
	for _, n := range d.Shape {
		hi, lo := bits.Mul64(total, uint64(n))
		if total = lo; hi != 0 {
			total = math.MaxUint64
			break
		}
	}
	if total > most {
		return fault(d.file.path, d.Path, fmt.Sprintf("shape %v in a file of %d bytes", d.Shape, d.file.size), "an array that the file can hold",
			"copy or write the file again", nil)
	}
	return nil
}

// openDataset opens a dataset and looks at how it is stored; the cache of a chunked one holds the chunks of a slice, so that
// reading slice after slice unpacks each chunk once.
func (f *File) openDataset(name, real string) (dataset id, chunk []int, err error) {
	l := f.library
	if dataset = l.datasetOpen(f.file, real, defaults); dataset < 0 {
		return 0, nil, fault(f.path, name, "a dataset that cannot be opened", "", "copy or write the file again", l.cause())
	}
	properties := l.datasetProperties(dataset)
	defer l.propertyClose(properties)
	if err := f.checkStorage(name, properties); err != nil {
		l.datasetClose(dataset)
		return 0, nil, err
	}
	if l.propertyLayout(properties) != layoutChunked {
		return dataset, nil, nil
	}
	var dims [32]uint64 // more than a dataset may have
	rank := int(l.propertyGetChunk(properties, int32(len(dims)), &dims[0]))
	for _, d := range dims[:max(0, rank)] {
		chunk = append(chunk, int(d))
	}
	cached, err := f.reopenCached(dataset, real, chunk)
	return cached, chunk, err
}

// largestCache bounds the chunks that are kept unpacked, in bytes.
const largestCache = 256 << 20

// reopenCached opens the dataset again with a cache for the chunks that one slice along the first axis touches.
func (f *File) reopenCached(dataset id, real string, chunk []int) (id, error) {
	l := f.library
	space := l.datasetSpace(dataset)
	shape, _, err := f.extent(real, space)
	if err != nil || len(chunk) != len(shape) || len(chunk) == 0 {
		return dataset, err
	}
	kind := l.datasetType(dataset)
	size := int(l.typeSize(kind))
	l.typeClose(kind)
	count := 1
	for axis := range chunk {
		size *= max(1, chunk[axis])
		if axis > 0 {
			count *= (shape[axis] + chunk[axis] - 1) / max(1, chunk[axis])
		}
	}
	const usual = 1 << 20
	if size*count <= usual || size*count > largestCache || size*count < 0 {
		return dataset, nil
	}
	access := l.propertyCreate(l.ids.accessDataset)
	defer l.propertyClose(access)
	const evictRead = 1 // first what has been read to its end
	l.propertyCache(access, uintptr(nextPrime(100*count)), uintptr(size*count), evictRead)
	again := l.datasetOpen(f.file, real, access)
	if again < 0 {
		return dataset, nil
	}
	l.datasetClose(dataset)
	return again, nil
}

// nextPrime is the least prime from n on: the cache's places are taken by a remainder.
func nextPrime(n int) int {
	for ; ; n++ {
		prime := true
		for d := 2; d*d <= n && prime; d++ {
			prime = n%d != 0
		}
		if prime && n > 1 {
			return n
		}
	}
}

// extent reads a dataspace, and closes it.
func (f *File) extent(name string, space id) (shape []int, null bool, err error) {
	l := f.library
	defer l.spaceClose(space)
	switch class := l.spaceClass(space); {
	case class == spaceIsNull:
		return nil, true, nil
	case class == spaceIsScalar:
		return nil, false, nil
	}
	rank := int(l.spaceRank(space))
	var dims [32]uint64
	if rank < 0 || rank > len(dims) || l.spaceDims(space, &dims[0], nil) < 0 {
		return nil, false, fault(f.path, name, "a shape that cannot be read", "", "copy or write the file again", l.cause())
	}
	shape = make([]int, rank)
	for axis := range shape {
		if dims[axis] > 1<<48 {
			return nil, false, fault(f.path, name, fmt.Sprintf("an axis of %d", dims[axis]), "a dataset that fits memory", "", nil)
		}
		shape[axis] = int(dims[axis])
	}
	return shape, false, nil
}

// ChunkRows is how many slices along the first axis are packed together in the file: 1 where none are.
func (d *Dataset) ChunkRows() int {
	if len(d.chunk) == 0 {
		return 1
	}
	return d.chunk[0]
}

// Rows reads slices first to first+count-1 along the first axis of a real dataset into dst, which they fill.
func (d *Dataset) Rows(dst []float32, first, count int) error {
	if err := d.mustBe(d.Type.Class == Integer || d.Type.Class == Float, "real numbers"); err != nil {
		return err
	}
	slice := 1
	for _, n := range d.Shape[min(1, len(d.Shape)):] {
		slice *= n
	}
	if len(d.Shape) == 0 || first < 0 || count < 0 || first+count > d.Shape[0] || len(dst) != count*slice {
		return fmt.Errorf("hdf5: slices %d to %d of shape %v into %d values", first, first+count, d.Shape, len(dst))
	}
	if len(dst) == 0 {
		return nil
	}
	return d.read(unsafe.Pointer(&dst[0]), d.file.library.ids.float32, first, count)
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

// Float32 reads a whole real dataset.
func (d *Dataset) Float32() (*ndarray.Float32, error) {
	if err := d.mustBe(d.Type.Class == Integer || d.Type.Class == Float, "real numbers"); err != nil {
		return nil, err
	}
	n, err := d.elements(4)
	if err != nil {
		return nil, err
	}
	data := make([]float32, n)
	if n > 0 {
		err = d.read(unsafe.Pointer(&data[0]), d.file.library.ids.float32, 0, all)
	}
	return ndarray.Wrap(data, d.Shape...), err
}

// Float64s reads a whole real dataset, flattened in C order.
func (d *Dataset) Float64s() ([]float64, error) {
	if err := d.mustBe(d.Type.Class == Integer || d.Type.Class == Float, "real numbers"); err != nil {
		return nil, err
	}
	n, err := d.elements(8)
	if err != nil || n == 0 {
		return nil, err
	}
	data := make([]float64, n)
	return data, d.read(unsafe.Pointer(&data[0]), d.file.library.ids.float64, 0, all)
}

// Int64s reads a whole dataset of whole numbers by type, flattened in C order.
func (d *Dataset) Int64s() ([]int64, error) {
	if err := d.mustBe(d.Type.Class == Integer, "whole numbers"); err != nil {
		return nil, err
	}
	n, err := d.elements(8)
	if err != nil || n == 0 {
		return nil, err
	}
	data := make([]int64, n)
	return data, d.read(unsafe.Pointer(&data[0]), d.file.library.ids.int64, 0, all)
}

// Complex64 reads a whole complex dataset, or a real one with imaginary part 0.
func (d *Dataset) Complex64() (*ndarray.Complex64, error) {
	if d.Type.Class == Integer || d.Type.Class == Float {
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
	if err := d.mustBe(d.Type.Class == String, "text"); err != nil {
		return "", err
	}
	n, err := d.elements(max(1, d.Type.Size))
	if err != nil {
		return "", err
	}
	if n != 1 {
		return "", fault(d.file.path, d.Path, fmt.Sprintf("%d strings", n), "one", "", nil)
	}
	l := d.file.library
	defer l.enter()()
	kind, space := l.datasetType(d.id), l.datasetSpace(d.id)
	defer l.typeClose(kind)
	defer l.spaceClose(space)
	s, ok := l.oneText(d.Type, kind, space, func(to unsafe.Pointer) int32 {
		return l.datasetRead(d.id, kind, defaults, defaults, defaults, to)
	})
	if !ok {
		return "", d.unreadable()
	}
	return s, nil
}

// oneText reads one string of either kind.
func (a *api) oneText(t Type, kind, space id, read func(to unsafe.Pointer) int32) (string, bool) {
	if t.variable {
		pointer := new(unsafe.Pointer)
		if read(unsafe.Pointer(pointer)) < 0 {
			return "", false
		}
		s := text(*pointer)
		a.reclaim(kind, space, defaults, unsafe.Pointer(pointer))
		return s, true
	}
	raw := make([]byte, max(1, t.Size))
	if read(unsafe.Pointer(&raw[0])) < 0 {
		return "", false
	}
	s, _, _ := strings.Cut(string(raw), "\x00")
	return strings.TrimRight(s, " "), true // Fortran pads with blanks
}

// mustBe refuses a type that was not expected.
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

// elements is the number of elements; an array of them, of size bytes each, must fit memory.
func (d *Dataset) elements(size int) (int, error) {
	total := uint64(1)
	for _, n := range d.Shape {
		hi, lo := bits.Mul64(total, uint64(n))
		if total = lo; hi != 0 {
			total = 1 << 63
			break
		}
	}
	const most = 1 << 40 // bytes
	if total > most/uint64(size) {
		return 0, fault(d.file.path, d.Path, fmt.Sprintf("shape %v", d.Shape), "an array that fits memory", "", nil)
	}
	return int(total), nil
}

// all, as a count, means every slice there is.
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
	l.typeClose(kind)
	return err
}

// read reads slices into memory of a type of the library.
func (d *Dataset) read(to unsafe.Pointer, kind id, first, count int) error {
	l := d.file.library
	defer l.enter()()
	memory, file := defaults, defaults
	if count != all {
		start, extent := make([]uint64, len(d.Shape)), make([]uint64, len(d.Shape))
		for axis, n := range d.Shape {
			extent[axis] = uint64(n)
		}
		start[0], extent[0] = uint64(first), uint64(count)
		file = l.datasetSpace(d.id)
		defer l.spaceClose(file)
		memory = l.spaceCreate(int32(len(extent)), &extent[0], nil)
		defer l.spaceClose(memory)
		if file < 0 || memory < 0 || l.spaceSelect(file, selectSet, &start[0], nil, &extent[0], nil) < 0 {
			return d.unreadable()
		}
	}
	if l.datasetRead(d.id, kind, memory, file, defaults, to) < 0 {
		return d.unreadable()
	}
	return nil
}

// unreadable puts the call that failed last into words.
func (d *Dataset) unreadable() error {
	cause := d.file.library.cause()
	if cause == nil {
		cause = errors.New("HDF5 does not say why")
	}
	return fault(d.file.path, d.Path, "data that cannot be read", "", "copy or write the file again", cause)
}
