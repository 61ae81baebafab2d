package hdf5

import (
	"fmt"
	"unsafe"
)

// mostAttribute is the longest attribute that is read, in bytes: the format's own limit for those in an object's
// header.
const mostAttribute = 64 << 10

// AttributeFloat reads an attribute of one real number of the group or dataset at a path.
func (f *File) AttributeFloat(object, name string) (value float64, present bool, err error) {
	present, err = f.attribute(object, name, 1, func(attribute, _, _ id, t Type, _ int) error {
		return f.readFloats(object+"@"+name, attribute, t, unsafe.Pointer(&value))
	})
	return value, present, err
}

// AttributeFloats reads an attribute of one or several real numbers, flattened.
func (f *File) AttributeFloats(object, name string) (values []float64, present bool, err error) {
	present, err = f.attribute(object, name, mostAttribute/8, func(attribute, _, _ id, t Type, count int) error {
		values = make([]float64, count)
		return f.readFloats(object+"@"+name, attribute, t, pointer(values))
	})
	return values, present, err
}

// readFloats reads the real numbers of an attribute.
func (f *File) readFloats(key string, attribute id, t Type, to unsafe.Pointer) error {
	if t.Class != Integer && t.Class != Float {
		return fault(f.path, key, t.String(), "a real number", "", nil)
	}
	if f.library.h5Aread(attribute, f.library.ids.float64, to) < 0 {
		return f.unreadable(key, "an attribute that cannot be read")
	}
	return nil
}

// AttributeText reads an attribute of one string of the group or dataset at a path.
func (f *File) AttributeText(object, name string) (value string, present bool, err error) {
	present, err = f.attribute(object, name, 1, func(attribute, kind, space id, t Type, _ int) error {
		if t.Class != String {
			return fault(f.path, object+"@"+name, t.String(), "text", "", nil)
		}
		s, ok := f.library.oneText(t, kind, space, func(to unsafe.Pointer) int32 {
			return f.library.h5Aread(attribute, kind, to)
		})
		if !ok {
			return f.unreadable(object+"@"+name, "an attribute that cannot be read")
		}
		value = s
		return nil
	})
	return value, present, err
}

// attribute opens an attribute of at most so many values, if it is present, and passes it to read with its type, its
// dataspace and the number of its values.
func (f *File) attribute(
	object, name string, most int, read func(attribute, kind, space id, t Type, count int) error,
) (bool, error) {
	l := f.library
	defer l.enter()()
	_, of, _, err := f.openObject(object)
	if err != nil {
		return false, err
	}
	defer l.h5Oclose(of)
	if l.h5Aexists(of, name) <= 0 {
		return false, nil
	}
	key := object + "@" + name
	attribute := l.h5Aopen(of, name, defaults)
	if attribute < 0 {
		return false, f.unreadable(key, "an attribute that cannot be read")
	}
	defer l.h5Aclose(attribute)
	kind, space := l.h5Aget_type(attribute), l.h5Aget_space(attribute)
	defer l.h5Tclose(kind)
	defer l.h5Sclose(space)
	shape, null, err := f.extent(key, space)
	if err != nil {
		return false, err
	}
	count := product(1, shape)
	if null || count == 0 || count > uint64(most) {
		return false, fault(f.path, key, "an attribute of several values or none", "one value", "", nil)
	}
	t := l.describe(kind)
	if t.Size > mostAttribute {
		return false, fault(f.path, key, fmt.Sprintf("an attribute of %d bytes", t.Size), "one value", "", nil)
	}
	return true, read(attribute, kind, space, t, int(count))
}
