package hdf5

import (
	"fmt"
	"slices"
	"unsafe"
)

// mostAttribute is the longest attribute, in bytes, that is read: the format's own limit where attributes lie in an object's header.
const mostAttribute = 64 << 10

// AttributeFloat reads an attribute of one real number of the group or dataset at a path.
func (f *File) AttributeFloat(object, name string) (value float64, present bool, err error) {
	err = f.attribute(object, name, func(attribute, kind, space id, t Type) error {
		present = true
		if t.Class != Integer && t.Class != Float {
			return fault(f.path, object+"@"+name, t.String(), "a real number", "", nil)
		}
		if f.library.attributeRead(attribute, f.library.ids.float64, unsafe.Pointer(&value)) < 0 {
			return f.unreadableAttribute(object, name)
		}
		return nil
	})
	return value, present, err
}

// AttributeText reads an attribute of one string.
func (f *File) AttributeText(object, name string) (value string, present bool, err error) {
	err = f.attribute(object, name, func(attribute, kind, space id, t Type) error {
		present = true
		if t.Class != String {
			return fault(f.path, object+"@"+name, t.String(), "text", "", nil)
		}
		s, ok := f.library.oneText(t, kind, space, func(to unsafe.Pointer) int32 { return f.library.attributeRead(attribute, kind, to) })
		if !ok {
			return f.unreadableAttribute(object, name)
		}
		value = s
		return nil
	})
	return value, present, err
}

// attribute opens an attribute of one value, if it is there, and hands it to read.
func (f *File) attribute(object, name string, read func(attribute, kind, space id, t Type) error) error {
	l := f.library
	defer l.enter()()
	of, _, err := f.openObject(object)
	if err != nil {
		return err
	}
	defer l.objectClose(of)
	if l.attributeExists(of, name) <= 0 {
		return nil
	}
	attribute := l.attributeOpen(of, name, defaults)
	if attribute < 0 {
		return f.unreadableAttribute(object, name)
	}
	defer l.attributeClose(attribute)
	shape, null, err := f.extent(object+"@"+name, l.attributeSpace(attribute))
	if err != nil {
		return err
	}
	if null || slices.ContainsFunc(shape, func(n int) bool { return n != 1 }) {
		return fault(f.path, object+"@"+name, "an attribute of several values or none", "one value", "", nil)
	}
	kind, space := l.attributeType(attribute), l.attributeSpace(attribute)
	defer l.typeClose(kind)
	defer l.spaceClose(space)
	t := l.describe(kind)
	if t.Size > mostAttribute {
		return fault(f.path, object+"@"+name, fmt.Sprintf("an attribute of %d bytes", t.Size), "one value", "", nil)
	}
	return read(attribute, kind, space, t)
}

func (f *File) unreadableAttribute(object, name string) error {
	return fault(f.path, object+"@"+name, "an attribute that cannot be read", "", "copy or write the file again", f.library.cause())
}
