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
	links   id // properties of links: missing groups of a path are made
}

// Create makes the file at path, which fill writes. It replaces path in one step or leaves it as it was. The same calls
// give the same bytes: the file holds no times.
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
	// The groups of newer formats hold times.
	const earliest, version110 = 0, 2
	access := l.h5Pcreate(l.ids.accessFile)
	defer l.h5Pclose(access)
	if l.h5Pset_libver_bounds(access, earliest, version110) < 0 {
		return nil, l.failed("choosing the version of the format")
	}
	file := l.h5Fcreate(path, truncate, defaults, access)
	if file < 0 {
		return nil, l.failed("making the file")
	}
	links := l.h5Pcreate(l.ids.createLink)
	l.h5Pset_create_intermediate_group(links, 1)
	return &Writer{library: l, file: file, links: links}, nil
}

func (w *Writer) close() error {
	l := w.library
	defer l.enter()()
	l.h5Pclose(w.links)
	if l.h5Fclose(w.file) < 0 {
		return l.failed("closing the file")
	}
	return nil
}

// Group makes a group and those above it, if they are missing.
func (w *Writer) Group(path string) error {
	l := w.library
	defer l.enter()()
	if l.h5Lexists(w.file, path, defaults) > 0 {
		return nil
	}
	group := l.h5Gcreate2(w.file, path, w.links, defaults, defaults)
	if group < 0 {
		return l.failed("making the group " + path)
	}
	l.h5Oclose(group)
	return nil
}

// Link makes a soft link at path that points to target.
func (w *Writer) Link(path, target string) error {
	l := w.library
	defer l.enter()()
	if l.h5Lcreate_soft(target, w.file, path, w.links, defaults) < 0 {
		return l.failed("linking " + path + " to " + target)
	}
	return nil
}

// Put writes a dataset: *ndarray.Float32, *ndarray.Complex64 (as a compound r, i), *Unsigned, *Doubles, []float64,
// []int64, or, as a single value, float64, int64 or string. Larger arrays are packed by shuffle and gzip, one image a
// chunk.
func (w *Writer) Put(path string, value any) error {
	v, err := w.library.valueOf(value)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return w.put(path, v)
}

// Unsigned is an array of 32-bit unsigned integers, such as a mask.
type Unsigned struct {
	Shape []int
	Data  []uint32
}

// Doubles is an array in double precision, such as a list of points.
type Doubles struct {
	Shape []int
	Data  []float64
}

// value is an array or a single number or text in memory, with the types of its elements there and in the file.
type value struct {
	memory, file id
	temporary    bool // release closes the types
	scalar       bool
	shape        []int
	data         unsafe.Pointer
	bytes        int
}

func pointer[T any](data []T) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(data)) }

// array is a value of many elements.
func array[T any](memory, file id, shape []int, data []T) value {
	size := int(unsafe.Sizeof(*new(T)))
	return value{memory: memory, file: file, shape: shape, data: pointer(data), bytes: size * len(data)}
}

// valueOf finds the types of a value.
func (l *Library) valueOf(v any) (value, error) {
	ids := l.ids
	switch v := v.(type) {
	case *ndarray.Float32:
		return array(ids.float32, ids.f32, v.Shape, v.Data), nil
	case *ndarray.Complex64:
		return l.complexValue(v)
	case *Unsigned:
		return array(ids.u32, ids.u32, v.Shape, v.Data), nil
	case *Doubles:
		return array(ids.float64, ids.f64, v.Shape, v.Data), nil
	case []float64:
		return array(ids.float64, ids.f64, []int{len(v)}, v), nil
	case []int64:
		return array(ids.int64, ids.i64, []int{len(v)}, v), nil
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
	complexes := array(memory, file, v.Shape, v.Data)
	complexes.temporary = true
	return complexes, err
}

// textValue is a string of variable length, which h5py reads as str.
func (l *Library) textValue(v string) (value, error) {
	defer l.enter()()
	const utf8 = 1
	kind := l.h5Tcopy(l.ids.text)
	if kind < 0 || l.h5Tset_size(kind, ^uintptr(0)) < 0 || l.h5Tset_cset(kind, utf8) < 0 {
		return value{}, l.failed("making the type of text")
	}
	again := l.h5Tcopy(kind)
	characters := unsafe.Pointer(unsafe.StringData(v + "\x00"))
	return value{memory: kind, file: again, temporary: true, scalar: true, data: unsafe.Pointer(&characters)}, nil
}

// space makes the dataspace of a value; to be closed.
func (l *Library) space(v value) id {
	if v.scalar {
		return l.h5Screate(spaceIsScalar)
	}
	return l.h5Screate_simple(int32(len(v.shape)), unsafe.SliceData(dims(v.shape)), nil)
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
	of := l.h5Oopen(w.file, object, defaults)
	if of < 0 {
		return l.failed("opening " + object)
	}
	defer l.h5Oclose(of)
	space := l.space(written)
	defer l.h5Sclose(space)
	attribute := l.h5Acreate2(of, name, written.file, space, defaults, defaults)
	if attribute < 0 {
		return l.failed("making the attribute " + object + "@" + name)
	}
	defer l.h5Aclose(attribute)
	if l.h5Awrite(attribute, written.memory, written.data) < 0 {
		return l.failed("writing the attribute " + object + "@" + name)
	}
	return nil
}

// release closes the temporary types of a value.
func (l *Library) release(v value) {
	if v.temporary {
		l.h5Tclose(v.memory)
		l.h5Tclose(v.file)
	}
}

func (w *Writer) put(path string, v value) error {
	l := w.library
	defer l.enter()()
	defer l.release(v)
	const page = 4096 // bytes; smaller arrays are not packed
	dataset, err := w.create(path, v, v.bytes > page && len(v.shape) >= 2)
	if err != nil {
		return err
	}
	defer l.h5Dclose(dataset)
	if v.bytes == 0 && !v.scalar {
		return nil
	}
	if l.h5Dwrite(dataset, v.memory, defaults, defaults, defaults, v.data) < 0 {
		return l.failed("writing the dataset " + path)
	}
	return nil
}

// create makes a dataset of the shape and the type of v. A packed one has shuffle and gzip, one image a chunk.
func (w *Writer) create(path string, v value, packed bool) (id, error) {
	l := w.library
	space := l.space(v)
	defer l.h5Sclose(space)
	properties := l.h5Pcreate(l.ids.createDataset)
	defer l.h5Pclose(properties)
	l.h5Pset_obj_track_times(properties, 0) // the same data give the same bytes
	if packed {
		chunk := dims(v.shape)
		for axis := range max(0, len(chunk)-2) {
			chunk[axis] = 1
		}
		const level = 4
		l.h5Pset_chunk(properties, int32(len(chunk)), &chunk[0])
		l.h5Pset_shuffle(properties)
		l.h5Pset_deflate(properties, level)
	}
	dataset := l.h5Dcreate2(w.file, path, v.file, space, w.links, properties, defaults)
	if dataset < 0 {
		return 0, l.failed("making the dataset " + path)
	}
	return dataset, nil
}

// Rows is a dataset of real numbers that is written slice after slice along its first axis.
type Rows struct {
	w       *Writer
	path    string
	dataset id
	shape   []int
	next    int
}

// PutRows makes a packed dataset of float32 values of the given shape, and passes it to fill, which must write all
// slices.
func (w *Writer) PutRows(path string, shape []int, fill func(r *Rows) error) error {
	l := w.library
	leave := l.enter()
	dataset, err := w.create(path, value{file: l.ids.f32, shape: shape}, true)
	leave()
	if err != nil {
		return err
	}
	r := &Rows{w: w, path: path, dataset: dataset, shape: shape}
	err = fill(r)
	defer l.enter()()
	if l.h5Dclose(dataset) < 0 {
		err = errors.Join(err, l.failed("closing the dataset "+path))
	}
	if err == nil && r.next != shape[0] {
		err = fmt.Errorf("%s: %d slices written of %d", path, r.next, shape[0])
	}
	return err
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
	memory, file, ok := l.selectSlices(r.dataset, r.shape, r.next, count)
	defer l.h5Sclose(memory)
	defer l.h5Sclose(file)
	if !ok || l.h5Dwrite(r.dataset, l.ids.float32, memory, file, defaults, pointer(data)) < 0 {
		return l.failed("writing the dataset " + r.path)
	}
	r.next += count
	return nil
}
