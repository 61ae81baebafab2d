package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"unsafe"

	"ptyx/internal/base/badinput"
)

// signature begins an HDF5 file, at byte 0 or, behind a block of the user's own, at 512, 1024, 2048 and so on.
var signature = []byte("\x89HDF\r\n\x1a\n")

// Is tells whether a file that is open begins like HDF5. It needs no library.
func Is(file io.ReaderAt, size int64) bool {
	start := make([]byte, len(signature))
	for at := int64(0); at+int64(len(start)) <= size; at = max(512, 2*at) {
		if _, err := file.ReadAt(start, at); err == nil && bytes.Equal(start, signature) {
			return true
		}
	}
	return false
}

// File is a file that is open for reading. Its methods, and those of its datasets, may be called from several goroutines.
type File struct {
	library *Library
	path    string
	size    int64 // in bytes, when it was opened
	file    id
	opened  []id // datasets, closed with the file
}

// Open opens a file for reading.
func (l *Library) Open(path string) (*File, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault(path, "", "no such file", "an HDF5 file", "", nil)
	case err != nil:
		return nil, fault(path, "", "a file that cannot be opened", "an HDF5 file", "", err)
	case info.IsDir():
		return nil, fault(path, "", "a directory", "an HDF5 file", "", nil)
	}
	defer l.enter()()
	file := l.fileOpen(path, readOnly, defaults)
	if file < 0 {
		return nil, l.unopened(path)
	}
	return &File{library: l, path: path, size: info.Size(), file: file}, nil
}

func (a *api) unopened(path string) error {
	return fault(path, "", "a file that HDF5 cannot open", "a whole HDF5 file", "copy or write the file again", a.cause())
}

// OpenGrowing opens a file that a program may be writing. No lock is set on it, which could stop that program. live tells that a writer
// has it open and lets it be read meanwhile (single writer, multiple readers); the datasets are then as they were flushed last.
func (l *Library) OpenGrowing(path string) (f *File, live bool, err error) {
	defer l.enter()()
	access := l.propertyCreate(l.ids.accessFile)
	defer l.propertyClose(access)
	if l.propertyLocking != nil {
		l.propertyLocking(access, 0, 1)
	}
	file := l.fileOpen(path, readOnly, access)
	if file < 0 {
		file, live = l.fileOpen(path, readOnly|swmrRead, access), true
	}
	if file < 0 {
		return nil, false, l.unopened(path)
	}
	return &File{library: l, path: path, file: file}, live, nil
}

// Path is the file's path as it was given.
func (f *File) Path() string { return f.path }

// Close closes the file and its datasets.
func (f *File) Close() error {
	defer f.library.enter()()
	for _, dataset := range f.opened {
		f.library.datasetClose(dataset)
	}
	f.opened = nil
	if f.library.fileClose(f.file) < 0 {
		return fmt.Errorf("closing %s: %w", f.path, f.library.cause())
	}
	return nil
}

// Has tells whether a path leads to a group or dataset of the file. A soft link that leads nowhere counts as absent; a link
// that leads out of the file is an error.
func (f *File) Has(path string) (bool, error) {
	defer f.library.enter()()
	_, err := f.resolve(path)
	if errors.Is(err, errAbsent) {
		return false, nil
	}
	return err == nil, err
}

// IsGroup tells whether a path leads to a group, rather than a dataset.
func (f *File) IsGroup(path string) (bool, error) {
	l := f.library
	defer l.enter()()
	object, _, err := f.openObject(path)
	if err != nil {
		return false, err
	}
	defer l.objectClose(object)
	return l.objectType(object) == objectGroup, nil
}

// Names are the names in a group, in alphabetical order.
func (f *File) Names(group string) ([]string, error) {
	l := f.library
	defer l.enter()()
	object, real, err := f.openObject(group)
	if err != nil {
		return nil, err
	}
	defer l.objectClose(object)
	if l.objectType(object) != objectGroup {
		return nil, fault(f.path, group, "a dataset", "a group", "", nil)
	}
	var info [8]uint64 // H5G_info_t: the number of links is its second field, at byte 8
	if l.groupInfo(object, unsafe.Pointer(&info)) < 0 {
		return nil, fault(f.path, group, "a group that cannot be read", "", "copy or write the file again", l.cause())
	}
	names := make([]string, 0, min(info[1], 1<<16))
	for n := range info[1] {
		const byName, increasing = 0, 0
		length := l.linkName(f.file, real, byName, increasing, n, nil, 0, defaults)
		if length < 0 {
			return nil, fault(f.path, group, "a group that cannot be read", "", "copy or write the file again", l.cause())
		}
		name := make([]byte, length+1)
		l.linkName(f.file, real, byName, increasing, n, unsafe.Pointer(&name[0]), uintptr(len(name)), defaults)
		names = append(names, string(name[:length]))
	}
	slices.Sort(names)
	return names, nil
}

// errAbsent is what resolve finds where nothing is.
var errAbsent = errors.New("nothing of this name")

// mostLinks is how many soft links a path may go through: a ring of links has no end.
const mostLinks = 32

// resolve follows a path link by link and returns one that consists of hard links alone, and so stays in the file.
func (f *File) resolve(name string) (string, error) {
	l := f.library
	rest := components(name)
	at := "/"
	for links := 0; len(rest) > 0; {
		next := path.Join(at, rest[0])
		switch found := l.linkExists(f.file, next, defaults); {
		case found < 0: // what stands before it is no group
			return "", errAbsent
		case found == 0:
			return "", errAbsent
		}
		kind, size, err := f.link(next)
		if err != nil {
			return "", err
		}
		switch kind {
		case linkHard:
			at, rest = next, rest[1:]
		case linkIsSoft:
			if links++; links > mostLinks {
				return "", fault(f.path, name, "soft links in a ring", "a path that ends", "", nil)
			}
			target, err := f.target(next, size)
			if err != nil {
				return "", err
			}
			if !strings.HasPrefix(target, "/") {
				target = path.Join(at, target)
			}
			at, rest = "/", append(components(target), rest[1:]...)
		case linkExternal:
			return "", fault(f.path, next, "an external link, to "+f.external(next, size), "data in the file itself",
				"copy all into one file, as h5copy or h5py can", nil)
		default:
			return "", fault(f.path, next, fmt.Sprintf("a link of the user-defined type %d", kind), "data in the file itself", "", nil)
		}
	}
	return at, nil
}

// components are the parts of a path, without those that say nothing.
func components(name string) []string {
	clean := strings.Trim(path.Clean("/"+name), "/")
	if clean == "" {
		return nil
	}
	return strings.Split(clean, "/")
}

// link is the type of a link and the size of its value.
func (f *File) link(name string) (kind int32, size uintptr, err error) {
	// H5L_info1_t and H5L_info2_t: type at byte 0, size of a soft link's value at byte 24.
	var info [8]uint64
	if f.library.linkInfo(f.file, name, unsafe.Pointer(&info), defaults) < 0 {
		return 0, 0, fault(f.path, name, "a link that cannot be read", "", "copy or write the file again", f.library.cause())
	}
	return int32(binary.NativeEndian.Uint32(unsafe.Slice((*byte)(unsafe.Pointer(&info)), 4))), uintptr(info[3]), nil
}

// target is where a soft link points to.
func (f *File) target(name string, size uintptr) (string, error) {
	value, err := f.value(name, size)
	target, _, _ := strings.Cut(value, "\x00")
	return target, err
}

// external is file and path that an external link names: a byte of flags, and two strings.
func (f *File) external(name string, size uintptr) string {
	value, err := f.value(name, size)
	if err != nil || value == "" {
		return "another file"
	}
	parts := strings.SplitN(value[1:], "\x00", 3)
	if len(parts) < 2 {
		return "another file"
	}
	return strings.TrimPrefix(parts[1], "/") + " of " + parts[0]
}

// value reads what a link holds.
func (f *File) value(name string, size uintptr) (string, error) {
	const most = 1 << 16
	if size == 0 || size > most {
		return "", fault(f.path, name, fmt.Sprintf("a link of %d bytes", size), "", "copy or write the file again", nil)
	}
	value := make([]byte, size)
	if f.library.linkValue(f.file, name, unsafe.Pointer(&value[0]), size, defaults) < 0 {
		return "", fault(f.path, name, "a link that cannot be read", "", "copy or write the file again", f.library.cause())
	}
	return string(value), nil
}

// openObject opens a group or dataset, and tells its path without links.
func (f *File) openObject(name string) (object id, real string, err error) {
	real, err = f.resolve(name)
	if errors.Is(err, errAbsent) {
		return 0, "", f.absent(name)
	}
	if err != nil {
		return 0, "", err
	}
	if object = f.library.objectOpen(f.file, real, defaults); object < 0 {
		return 0, "", fault(f.path, name, "something that cannot be opened", "", "copy or write the file again", f.library.cause())
	}
	return object, real, nil
}

// absent says that nothing is at a path.
func (f *File) absent(name string) *badinput.Error {
	return fault(f.path, name, "nothing of this name", "a dataset", "", nil)
}
