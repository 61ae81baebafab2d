package hdf5

import (
	"fmt"
	"slices"
	"unsafe"
)

// mostAttribute is the longest attribute that is read, in bytes: the format's own limit for those in an object's
// header.
const mostAttribute = 64 << 10

// AttributeFloat reads an attribute of one real number of the group or dataset at a path.
func (f *File) AttributeFloat(object, name string) (value float64, present bool, err error) {
	present, err = f.attribute(object, name, func(attribute, _, _ id, t Type) error {
		if t.Class != Integer && t.Class != Float {
			return fault(f.path, object+"@"+name, t.String(), "a real number", "", nil)
		}
		if f.library.h5Aread(attribute, f.library.ids.float64, unsafe.Pointer(&value)) < 0 {
			return f.unreadable(object+"@"+name, "an attribute that cannot be read")
		}
		return nil
	})
	return value, present, err
}

// AttributeText reads an attribute of one string of the group or dataset at a path.
func (f *File) AttributeText(object, name string) (value string, present bool, err error) {
	present, err = f.attribute(object, name, func(attribute, kind, space id, t Type) error {
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

// attribute opens an attribute of one value, if it is present, and passes it to read with its type and dataspace.
func (f *File) attribute(object, name string, read func(attribute, kind, space id, t Type) error) (bool, error) {
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
	if null || slices.ContainsFunc(shape, func(n int) bool { return n != 1 }) {
		return false, fault(f.path, key, "an attribute of several values or none", "one value", "", nil)
	}
	t := l.describe(kind)
	if t.Size > mostAttribute {
		return false, fault(f.path, key, fmt.Sprintf("an attribute of %d bytes", t.Size), "one value", "", nil)
	}
	return true, read(attribute, kind, space, t)
}
