package hdf5

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"unsafe"
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
	tree    *tree
	path    string
	real    string // absolute, without symbolic links
	size    int64  // in bytes, when it was opened
	file    id
	opened  []id                // datasets, closed with the file
	parts   map[string]*Dataset // those that virtual datasets refer to, by their paths without links
}

// Open opens a file for reading. Its links to other files are followed into its own folder and those below it, and into
// the folders in follow and those below them; see tree.
func (l *Library) Open(path string, follow ...string) (*File, error) {
	f, _, err := l.open(path, false, follow)
	return f, err
}

// OpenGrowing opens a file that a program may be writing, and as such the files that its links lead to. It sets no
// lock, which could stop that program. live reports that a writer has the file open for readers (single writer,
// multiple readers); its datasets are then those of the last flush.
func (l *Library) OpenGrowing(path string, follow ...string) (f *File, live bool, err error) {
	return l.open(path, true, follow)
}

func (l *Library) open(path string, growing bool, follow []string) (f *File, live bool, err error) {
	t, real, err := newTree(l, path, growing, follow)
	if err != nil {
		return nil, false, err
	}
	defer l.enter()()
	return t.open(path, real)
}

func (a *api) unopened(path string) error {
	return fault(path, "", "a file that HDF5 cannot open", "a complete HDF5 file", "copy or write the file again",
		a.cause())
}

// Path is the file's path as it was given.
func (f *File) Path() string { return f.path }

// Close closes the file, its datasets and the files that its links led to.
func (f *File) Close() error {
	defer f.library.enter()()
	return f.tree.close()
}

// Has reports whether a path leads to a group or dataset. A link to nothing counts as absent. A link to a missing file,
// or to one that may not be read, is an error.
func (f *File) Has(path string) (bool, error) {
	defer f.library.enter()()
	_, _, err := f.resolve(path)
	if errors.Is(err, errAbsent) {
		return false, nil
	}
	return err == nil, err
}

// IsGroup reports whether a path leads to a group, not a dataset.
func (f *File) IsGroup(path string) (bool, error) {
	l := f.library
	defer l.enter()()
	_, object, _, err := f.openObject(path)
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
	at, object, real, err := f.openObject(group)
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
		length := l.h5Lget_name_by_idx(at.file, real, byName, increasing, n, nil, 0, defaults)
		if length < 0 {
			return nil, f.unreadable(group, "a group that cannot be read")
		}
		name := make([]byte, length+1)
		l.h5Lget_name_by_idx(at.file, real, byName, increasing, n, unsafe.Pointer(&name[0]), uintptr(len(name)),
			defaults)
		names = append(names, string(name[:length]))
	}
	slices.Sort(names)
	return names, nil
}

// openObject opens a group or dataset and returns its file and its path there, without links.
func (f *File) openObject(name string) (at *File, object id, real string, err error) {
	at, real, err = f.resolve(name)
	if errors.Is(err, errAbsent) {
		return nil, 0, "", fault(f.path, name, "nothing of this name", "a dataset", "", nil)
	}
	if err != nil {
		return nil, 0, "", err
	}
	if object = f.library.h5Oopen(at.file, real, defaults); object < 0 {
		return nil, 0, "", at.unreadable(real, "something that cannot be opened")
	}
	return at, object, real, nil
}
