package hdf5

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
)

// Writer makes an HDF5 file. It is for one goroutine.
type Writer struct {
	library *Library
	file    id
	links   id // properties of links: groups on the way are made
}

// Create makes the file at path and has fill write it. It replaces path in one step when all is written, or leaves it as it
// was. The same calls give the same bytes: no times are kept.
func (l *Library) Create(path string, fill func(w *Writer) error) error {
	return destination.Write(path, func(f *os.File) error {
		w, err := l.create(f.Name())
		if err != nil {
			return err
		}
		return errors.Join(fill(w), w.close())
	})
}

func (l *Library) create(path string) (*Writer, error) {
	defer l.enter()()
	// Groups of the library's newer formats carry times, also those that are made on the way; older programs read the earliest.
	const earliest, version110 = 0, 2
	access := l.propertyCreate(l.ids.accessFile)
	defer l.propertyClose(access)
	if l.propertyVersions(access, earliest, version110) < 0 {
		return nil, l.failed("choosing the version of the format")
	}
	file := l.fileCreate(path, truncate, defaults, access)
	if file < 0 {
		return nil, l.failed("making the file")
	}
	links := l.propertyCreate(l.ids.createLink)
	l.propertyIntermediate(links, 1)
	return &Writer{library: l, file: file, links: links}, nil
}

func (w *Writer) close() error {
	l := w.library
	defer l.enter()()
	l.propertyClose(w.links)
	if l.fileClose(w.file) < 0 {
		return l.failed("closing the file")
	}
	return nil
}

// failed is an error of the call that failed last.
func (a *api) failed(doing string) error {
	if cause := a.cause(); cause != nil {
		return fmt.Errorf("%s: %w", doing, cause)
	}
	return errors.New(doing + " failed")
}

// Group makes a group, with those above it, unless it is there.
func (w *Writer) Group(path string) error {
	l := w.library
	defer l.enter()()
	if l.linkExists(w.file, path, defaults) > 0 {
		return nil
	}
	group := l.groupCreate(w.file, path, w.links, defaults, defaults)
	if group < 0 {
		return l.failed("making the group " + path)
	}
	l.objectClose(group)
	return nil
}

// Link makes a soft link at path that points to target.
func (w *Writer) Link(path, target string) error {
	l := w.library
	defer l.enter()()
	if l.linkSoft(target, w.file, path, w.links, defaults) < 0 {
		return l.failed("linking " + path + " to " + target)
	}
	return nil
}

// Put writes a dataset: *ndarray.Float32, *ndarray.Complex64 (as a compound r, i), *Unsigned, *Doubles, []float64, []int64, or, as a single
// value, float64, int64 or string. Arrays of more than a page are packed by shuffle and gzip, one slice along the first axis a chunk.
func (w *Writer) Put(path string, value any) error {
	v, err := w.library.valueOf(value)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return w.put(path, v)
}

// Unsigned is an array of 32-bit whole numbers, such as a mask.
type Unsigned struct {
	Shape []int
	Data  []uint32
}

// Doubles is an array in double precision, such as a list of points.
type Doubles struct {
	Shape []int
	Data  []float64
}

// value is what is written: elements in memory, and their types there and in the file.
type value struct {
	memory, file id
	own          bool // the types are to be closed
	scalar       bool
	shape        []int
	data         unsafe.Pointer
	bytes        int
}

func pointer[T any](data []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(data)) }

// valueOf finds how a value is written.
func (l *Library) valueOf(v any) (value, error) {
	ids := l.ids
	switch v := v.(type) {
	case *ndarray.Float32:
		return value{memory: ids.float32, file: ids.f32, shape: v.Shape, data: pointer(v.Data), bytes: 4 * len(v.Data)}, nil
	case *ndarray.Complex64:
		return l.complexValue(v)
	case *Unsigned:
		return value{memory: ids.u32, file: ids.u32, shape: v.Shape, data: pointer(v.Data), bytes: 4 * len(v.Data)}, nil
	case *Doubles:
		return value{memory: ids.float64, file: ids.f64, shape: v.Shape, data: pointer(v.Data), bytes: 8 * len(v.Data)}, nil
	case []float64:
		return value{memory: ids.float64, file: ids.f64, shape: []int{len(v)}, data: pointer(v), bytes: 8 * len(v)}, nil
	case []int64:
		return value{memory: ids.int64, file: ids.i64, shape: []int{len(v)}, data: pointer(v), bytes: 8 * len(v)}, nil
	case float64:
		return value{memory: ids.float64, file: ids.f64, scalar: true, data: unsafe.Pointer(&v)}, nil
	case int64:
		return value{memory: ids.int64, file: ids.i64, scalar: true, data: unsafe.Pointer(&v)}, nil
	case string:
		return l.textValue(v)
	}
	return value{}, fmt.Errorf("no way to write a %T", v)
}

func (l *Library) complexValue(v *ndarray.Complex64) (value, error) {
	defer l.enter()()
	memory, err := l.complexCompound("r", "i", l.ids.float32)
	if err != nil {
		return value{}, err
	}
	file, err := l.complexCompound("r", "i", l.ids.f32)
	return value{memory: memory, file: file, own: true, shape: v.Shape, data: pointer(v.Data), bytes: 8 * len(v.Data)}, err
}

// textValue is a string of variable length, as h5py gives back as str.
func (l *Library) textValue(v string) (value, error) {
	defer l.enter()()
	const utf8 = 1
	kind := l.typeCopy(l.ids.text)
	if kind < 0 || l.typeSetSize(kind, ^uintptr(0)) < 0 || l.typeSetCoding(kind, utf8) < 0 {
		return value{}, l.failed("making the type of text")
	}
	again := l.typeCopy(kind)
	characters := unsafe.Pointer(unsafe.StringData(v + "\x00"))
	return value{memory: kind, file: again, own: true, scalar: true, data: unsafe.Pointer(&characters)}, nil
}

// space makes the dataspace of a value; to be closed.
func (l *Library) space(v value) id {
	if v.scalar {
		return l.spaceScalar(spaceIsScalar)
	}
	dims := make([]uint64, max(1, len(v.shape)))
	for axis, n := range v.shape {
		dims[axis] = uint64(n)
	}
	return l.spaceCreate(int32(len(v.shape)), &dims[0], nil)
}

// Attribute writes an attribute of one value, float64, int64 or string, of the group or dataset at a path.
func (w *Writer) Attribute(object, name string, v any) error {
	l := w.library
	written, err := l.valueOf(v)
	if err != nil {
		return fmt.Errorf("%s@%s: %w", object, name, err)
	}
	defer l.enter()()
	defer l.release(written)
	of := l.objectOpen(w.file, object, defaults)
	if of < 0 {
		return l.failed("opening " + object)
	}
	defer l.objectClose(of)
	space := l.space(written)
	defer l.spaceClose(space)
	attribute := l.attributeCreate(of, name, written.file, space, defaults, defaults)
	if attribute < 0 {
		return l.failed("making the attribute " + object + "@" + name)
	}
	defer l.attributeClose(attribute)
	if l.attributeWrite(attribute, written.memory, written.data) < 0 {
		return l.failed("writing the attribute " + object + "@" + name)
	}
	return nil
}

// release closes the types that were made for a value.
func (l *Library) release(v value) {
	if v.own {
		l.typeClose(v.memory)
		l.typeClose(v.file)
	}
}

func (w *Writer) put(path string, v value) error {
	l := w.library
	defer l.enter()()
	defer l.release(v)
	space := l.space(v)
	defer l.spaceClose(space)
	properties := l.packing(v)
	defer l.propertyClose(properties)
	dataset := l.datasetCreate(w.file, path, v.file, space, w.links, properties, defaults)
	if dataset < 0 {
		return l.failed("making the dataset " + path)
	}
	defer l.datasetClose(dataset)
	if v.bytes == 0 && !v.scalar {
		return nil
	}
	if l.datasetWrite(dataset, v.memory, defaults, defaults, defaults, v.data) < 0 {
		return l.failed("writing the dataset " + path)
	}
	return nil
}

// packing are a dataset's properties: shuffle and gzip for larger arrays, and no times, so that the same data give the same bytes.
func (l *Library) packing(v value) id {
	const page, level = 4096, 4
	properties := l.propertyCreate(l.ids.createDataset)
	l.propertyTimes(properties, 0)
	if v.bytes <= page || len(v.shape) < 2 {
		return properties
	}
	l.packed(properties, v.shape, level)
	return properties
}

func (l *Library) packed(properties id, shape []int, level uint32) {
	chunk := make([]uint64, len(shape))
	for axis, n := range shape {
		chunk[axis] = uint64(n)
		if axis < len(shape)-2 {
			chunk[axis] = 1
		}
	}
	l.propertyChunk(properties, int32(len(chunk)), &chunk[0])
	l.propertyShuffle(properties)
	l.propertyDeflate(properties, level)
}

// Rows is a dataset of real numbers that is written slice after slice along its first axis.
type Rows struct {
	w       *Writer
	path    string
	dataset id
	shape   []int
	next    int
}

// PutRows makes a packed dataset of float32 values of the given shape, and hands it to fill, which has to write all slices.
func (w *Writer) PutRows(path string, shape []int, fill func(r *Rows) error) error {
	r, err := w.rows(path, shape)
	if err != nil {
		return err
	}
	err = fill(r)
	defer w.library.enter()()
	if w.library.datasetClose(r.dataset) < 0 {
		err = errors.Join(err, w.library.failed("closing the dataset "+path))
	}
	if err == nil && r.next != shape[0] {
		err = fmt.Errorf("%s: %d slices written of %d", path, r.next, shape[0])
	}
	return err
}

func (w *Writer) rows(path string, shape []int) (*Rows, error) {
	l := w.library
	defer l.enter()()
	space := l.space(value{shape: shape})
	defer l.spaceClose(space)
	properties := l.propertyCreate(l.ids.createDataset)
	defer l.propertyClose(properties)
	l.propertyTimes(properties, 0)
	l.packed(properties, shape, 4)
	dataset := l.datasetCreate(w.file, path, l.ids.f32, space, w.links, properties, defaults)
	if dataset < 0 {
		return nil, l.failed("making the dataset " + path)
	}
	return &Rows{w: w, path: path, dataset: dataset, shape: shape}, nil
}

// Append writes the next slices.
func (r *Rows) Append(data []float32) error {
	slice := ndarray.Size(r.shape[1:])
	count := len(data) / slice
	if count*slice != len(data) || r.next+count > r.shape[0] {
		return fmt.Errorf("%s: %d values behind slice %d of shape %v", r.path, len(data), r.next, r.shape)
	}
	if count == 0 {
		return nil
	}
	l := r.w.library
	defer l.enter()()
	start, extent := make([]uint64, len(r.shape)), make([]uint64, len(r.shape))
	for axis, n := range r.shape {
		extent[axis] = uint64(n)
	}
	start[0], extent[0] = uint64(r.next), uint64(count)
	file, memory := l.datasetSpace(r.dataset), l.spaceCreate(int32(len(extent)), &extent[0], nil)
	defer l.spaceClose(file)
	defer l.spaceClose(memory)
	if l.spaceSelect(file, selectSet, &start[0], nil, &extent[0], nil) < 0 ||
		l.datasetWrite(r.dataset, l.ids.float32, memory, file, defaults, pointer(data)) < 0 {
		return l.failed("writing the dataset " + r.path)
	}
	r.next += count
	return nil
}
