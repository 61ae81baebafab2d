package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"unsafe"

	"ptyx/internal/base/badinput"
)

// signature begins an HDF5 file, at byte 0 or, after a block of the user's own, at 512, 1024, 2048 and so on.
var signature = []byte("\x89HDF\r\n\x1a\n")

// Is reports whether an open file of size bytes has HDF5's signature. It needs no library.
func Is(file io.ReaderAt, size int64) bool {
	start := make([]byte, len(signature))
	for at := int64(0); at+int64(len(start)) <= size; at = max(512, 2*at) {
		if _, err := file.ReadAt(start, at); err == nil && bytes.Equal(start, signature) {
			return true
		}
	}
	return false
}

// File is a file that is open for reading. Several goroutines may call its methods and those of its datasets.
type File struct {
	library *Library
	path    string
	size    int64 // in bytes, when it was opened
	growing bool  // a program may be writing it
	file    id
	opened  []id // datasets, closed with the file
}

// Open opens a file for reading.
func (l *Library) Open(path string) (*File, error) {
	f, size, err := badinput.Open(path, "an HDF5 file")
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	defer l.enter()()
	file := l.h5Fopen(path, readOnly, defaults)
	if file < 0 {
		return nil, l.unopened(path)
	}
	return &File{library: l, path: path, size: size, file: file}, nil
}

func (a *api) unopened(path string) error {
	return fault(path, "", "a file that HDF5 cannot open", "a complete HDF5 file", "copy or write the file again",
		a.cause())
}

// OpenGrowing opens a file that a program may be writing. It sets no lock, which could stop that program. live reports
// that a writer has the file open for readers (single writer, multiple readers); its datasets are then those of the
// last flush.
func (l *Library) OpenGrowing(path string) (f *File, live bool, err error) {
	defer l.enter()()
	access := l.h5Pcreate(l.ids.accessFile)
	defer l.h5Pclose(access)
	if l.h5Pset_file_locking != nil {
		l.h5Pset_file_locking(access, 0, 1)
	}
	file := l.h5Fopen(path, readOnly, access)
	if file < 0 {
		file, live = l.h5Fopen(path, readOnly|swmrRead, access), true
	}
	if file < 0 {
		return nil, false, l.unopened(path)
	}
	info, err := os.Stat(path) // after opening, so that the size is not that of an earlier file
	if err != nil {
		l.h5Fclose(file)
		return nil, false, fmt.Errorf("opening %s: %w", path, err)
	}
	return &File{library: l, path: path, size: info.Size(), growing: true, file: file}, live, nil
}

// Path is the file's path as it was given.
func (f *File) Path() string { return f.path }

// Close closes the file and its datasets.
func (f *File) Close() error {
	defer f.library.enter()()
	for _, dataset := range f.opened {
		f.library.h5Dclose(dataset)
	}
	f.opened = nil
	if f.library.h5Fclose(f.file) < 0 {
		return fmt.Errorf("closing %s: %w", f.path, f.library.cause())
	}
	return nil
}

// Has reports whether a path leads to a group or dataset of the file. A soft link to nothing counts as absent; a link
// out of the file is an error.
func (f *File) Has(path string) (bool, error) {
	defer f.library.enter()()
	_, err := f.resolve(path)
	if errors.Is(err, errAbsent) {
		return false, nil
	}
	return err == nil, err
}

// IsGroup reports whether a path leads to a group, not a dataset.
func (f *File) IsGroup(path string) (bool, error) {
	l := f.library
	defer l.enter()()
	object, _, err := f.openObject(path)
	if err != nil {
		return false, err
	}
	defer l.h5Oclose(object)
	return l.h5Iget_type(object) == objectGroup, nil
}

// Names are the names in a group, in alphabetical order.
func (f *File) Names(group string) ([]string, error) {
	l := f.library
	defer l.enter()()
	object, real, err := f.openObject(group)
	if err != nil {
		return nil, err
	}
	defer l.h5Oclose(object)
	if l.h5Iget_type(object) != objectGroup {
		return nil, fault(f.path, group, "a dataset", "a group", "", nil)
	}
	var info [8]uint64 // H5G_info_t: the number of links is its second field, at byte 8
	if l.h5Gget_info(object, unsafe.Pointer(&info)) < 0 {
		return nil, f.unreadable(group, "a group that cannot be read")
	}
	names := make([]string, 0, min(info[1], 1<<16))
	for n := range info[1] {
		const byName, increasing = 0, 0
		length := l.h5Lget_name_by_idx(f.file, real, byName, increasing, n, nil, 0, defaults)
		if length < 0 {
			return nil, f.unreadable(group, "a group that cannot be read")
		}
		name := make([]byte, length+1)
		l.h5Lget_name_by_idx(f.file, real, byName, increasing, n, unsafe.Pointer(&name[0]), uintptr(len(name)),
			defaults)
		names = append(names, string(name[:length]))
	}
	slices.Sort(names)
	return names, nil
}

// errAbsent is the error of resolve for a path that leads to nothing.
var errAbsent = errors.New("nothing of this name")

// mostLinks is the number of soft links that a path may pass: a ring of links has no end.
const mostLinks = 32

// resolve follows a path link by link and returns one of hard links only, which stays in the file.
func (f *File) resolve(name string) (string, error) {
	l := f.library
	parts := components(name)
	at := "/"
	for links := 0; len(parts) > 0; {
		next := path.Join(at, parts[0])
		if l.h5Lexists(f.file, next, defaults) <= 0 { // negative: at is not a group
			return "", errAbsent
		}
		kind, size, err := f.link(next)
		if err != nil {
			return "", err
		}
		switch kind {
		case linkHard:
			at, parts = next, parts[1:]
		case linkIsSoft:
			if links++; links > mostLinks {
				return "", fault(f.path, name, "soft links in a ring", "a path that ends", "", nil)
			}
			target, err := f.target(next, size)
			if err != nil {
				return "", err
			}
			if !path.IsAbs(target) {
				target = path.Join(at, target)
			}
			at, parts = "/", append(components(target), parts[1:]...)
		case linkExternal:
			return "", fault(f.path, next, "an external link, to "+f.external(next, size), "data in the file itself",
				"copy all into one file, as h5copy or h5py can", nil)
		default:
			return "",
				fault(f.path, next, fmt.Sprintf("a link of the user-defined type %d", kind), "data in the file itself",
					"", nil)
		}
	}
	return at, nil
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

// external names the target of an external link, whose value is a byte of flags and the names of a file and a path.
func (f *File) external(name string, size uintptr) string {
	value, err := f.value(name, size)
	if err != nil || value == "" {
		return "another file"
	}
	file, target, found := strings.Cut(value[1:], "\x00")
	if !found {
		return "another file"
	}
	target, _, _ = strings.Cut(target, "\x00")
	return strings.TrimPrefix(target, "/") + " of " + file
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

// openObject opens a group or dataset and returns its path without links.
func (f *File) openObject(name string) (object id, real string, err error) {
	real, err = f.resolve(name)
	if errors.Is(err, errAbsent) {
		return 0, "", fault(f.path, name, "nothing of this name", "a dataset", "", nil)
	}
	if err != nil {
		return 0, "", err
	}
	if object = f.library.h5Oopen(f.file, real, defaults); object < 0 {
		return 0, "", f.unreadable(name, "something that cannot be opened")
	}
	return object, real, nil
}
