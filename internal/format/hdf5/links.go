package hdf5

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"strings"
	"unsafe"
)

// errAbsent is the error of resolve for a path that leads to nothing.
var errAbsent = errors.New("nothing of this name")

const (
	mostLinks = 32 // soft links that a path may pass: a ring of links has no end
	mostFiles = 8  // links to other files that a path may pass
)

// resolve follows a path link by link. It returns the file that the path ends in, and a path in it of hard links only.
func (f *File) resolve(name string) (at *File, real string, err error) {
	l := f.library
	parts := components(name)
	at, real = f, "/"
	for links, files := 0, 0; len(parts) > 0; {
		next := path.Join(real, parts[0])
		if l.h5Lexists(at.file, next, defaults) <= 0 { // negative: real is not a group
			return nil, "", errAbsent
		}
		kind, size, err := at.link(next)
		if err != nil {
			return nil, "", err
		}
		switch kind {
		case linkHard:
			real, parts = next, parts[1:]
		case linkIsSoft:
			if links++; links > mostLinks {
				return nil, "", fault(f.path, name, "soft links in a ring", "a path that ends", "", nil)
			}
			target, err := at.target(next, size)
			if err != nil {
				return nil, "", err
			}
			if !path.IsAbs(target) {
				target = path.Join(real, target)
			}
			real, parts = "/", append(components(target), parts[1:]...)
		case linkExternal:
			if files++; files > mostFiles {
				return nil, "", fault(f.path, name, fmt.Sprintf("a link through more than %d files", mostFiles),
					"a path that ends", "", nil)
			}
			other, target, err := at.external(next, size)
			if err != nil {
				return nil, "", err
			}
			at, real, parts = other, "/", append(components(target), parts[1:]...)
		default:
			return nil, "", fault(at.path, next, fmt.Sprintf("a link of the user-defined type %d", kind),
				"a soft or an external link", "", nil)
		}
	}
	return at, real, nil
}

// components are the parts of a path, without empty ones, "." and "..".
func components(name string) []string {
	clean := strings.Trim(path.Clean("/"+name), "/")
	if clean == "" {
		return nil
	}
	return strings.Split(clean, "/")
}

// link is the type of a link and the size of its value in bytes.
func (f *File) link(name string) (kind int32, size uintptr, err error) {
	// H5L_info1_t and H5L_info2_t: type at byte 0, size of a soft link's value at byte 24.
	var info [8]uint64
	if f.library.h5Lget_info(f.file, name, unsafe.Pointer(&info), defaults) < 0 {
		return 0, 0, f.unreadable(name, "a link that cannot be read")
	}
	return int32(binary.NativeEndian.Uint32(unsafe.Slice((*byte)(unsafe.Pointer(&info)), 4))), uintptr(info[3]), nil
}

// target is the path that a soft link points to.
func (f *File) target(name string, size uintptr) (string, error) {
	value, err := f.value(name, size)
	target, _, _ := strings.Cut(value, "\x00")
	return target, err
}

// external opens the file of an external link and returns it with the path in it.
func (f *File) external(name string, size uintptr) (*File, string, error) {
	value, err := f.value(name, size)
	if err != nil {
		return nil, "", err
	}
	file, target, ok := parseExternal(value)
	if !ok {
		return nil, "", fault(f.path, name, "an external link that names no file", "", "write the link again", nil)
	}
	other, err := f.linked(name, file)
	return other, target, err
}

// parseExternal reads the value of an external link: a byte of version and flags, then the names of a file and of a
// path in it, each ended by a zero.
func parseExternal(value string) (file, target string, ok bool) {
	if value == "" {
		return "", "", false
	}
	file, rest, named := strings.Cut(value[1:], "\x00")
	target, _, ended := strings.Cut(rest, "\x00")
	return file, target, named && ended && file != ""
}

// value reads the value of a link of size bytes.
func (f *File) value(name string, size uintptr) (string, error) {
	const most = 1 << 16
	if size == 0 || size > most {
		return "", fault(f.path, name, fmt.Sprintf("a link of %d bytes", size), "", "copy or write the file again", nil)
	}
	value := make([]byte, size)
	if f.library.h5Lget_val(f.file, name, unsafe.Pointer(&value[0]), size, defaults) < 0 {
		return "", f.unreadable(name, "a link that cannot be read")
	}
	return string(value), nil
}
