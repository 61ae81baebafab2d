package hdf5

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
)

// ErrNoFile is the cause of an error about a link to a file that does not exist.
var ErrNoFile = errors.New("no such file")

// tree is a file with the files that its links lead to. The library never follows a link to another file itself: it
// would also search the working directory and folders of the environment, and read zeros in place of missing files.
//
// Links may lead into the folder of the file, the folders below it, and the folders that the user names. Symbolic links
// are resolved before this check. It guards against files of others that point to data of this machine, not against a
// program that exchanges folders meanwhile.
type tree struct {
	library *Library
	path    string
	roots   []string // folders that links may lead into: absolute, without symbolic links
	growing bool
	files   []*File // open: the user's first, then the others, the one used last at the end

	virtuals map[string]*Dataset // virtual datasets that others refer to, by file and path
	mappings int                 // of all virtual datasets so far
}

// mostOpen is the number of linked files that are open at the same time. Each takes half a megabyte, and a scan may
// have thousands.
const mostOpen = 32

// newTree prepares to open the file at path, of which real is the absolute path without symbolic links.
func newTree(l *Library, path string, growing bool, follow []string) (t *tree, real string, err error) {
	f, _, err := badinput.Open(path, "an HDF5 file")
	if err != nil {
		return nil, "", err
	}
	if err := f.Close(); err != nil {
		return nil, "", err
	}
	t = &tree{library: l, path: path, growing: growing, virtuals: map[string]*Dataset{}}
	if real, err = realPath(path); err != nil {
		return nil, "", fmt.Errorf("opening %s: %w", path, err)
	}
	for _, folder := range append([]string{filepath.Dir(real), filepath.Dir(path)}, follow...) {
		root, err := realPath(folder)
		if info, missing := os.Stat(root); err != nil || missing != nil || !info.IsDir() {
			return nil, "", fault(folder, "--follow-links", "no folder of this name", "a folder with linked files", "",
				nil)
		}
		t.roots = append(t.roots, root)
	}
	return t, real, nil
}

// realPath is the absolute path without symbolic links.
func realPath(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(absolute)
}

// open opens a file of the tree.
func (t *tree) open(path, real string) (f *File, live bool, err error) {
	l := t.library
	access := defaults
	if t.growing {
		access = l.h5Pcreate(l.ids.accessFile)
		defer l.h5Pclose(access)
		if l.h5Pset_file_locking != nil {
			l.h5Pset_file_locking(access, 0, 1)
		}
	}
	file := l.h5Fopen(real, readOnly, access)
	if file < 0 && t.growing {
		file, live = l.h5Fopen(real, readOnly|swmrRead, access), true
	}
	if file < 0 {
		return nil, false, l.unopened(path)
	}
	info, err := os.Stat(real) // after opening, so that the size is not that of an earlier file
	if err != nil {
		l.h5Fclose(file)
		return nil, false, fmt.Errorf("opening %s: %w", path, err)
	}
	f = &File{library: l, tree: t, path: path, real: real, size: info.Size(), file: file, parts: map[string]*Dataset{}}
	t.files = append(t.files, f)
	return f, live, nil
}

// close closes all files.
func (t *tree) close() error {
	var failed error
	for _, f := range slices.Backward(t.files) {
		if err := f.closeOne(); err != nil {
			failed = err
		}
	}
	t.files = nil
	return failed
}

// closeOne closes one file of a tree, with its datasets.
func (f *File) closeOne() error {
	for _, dataset := range f.opened {
		f.library.h5Dclose(dataset)
	}
	for _, part := range f.parts {
		f.library.h5Dclose(part.id)
	}
	f.opened, f.parts = nil, map[string]*Dataset{}
	if f.library.h5Fclose(f.file) < 0 {
		return fmt.Errorf("closing %s: %w", f.path, f.library.cause())
	}
	return nil
}

// linked opens the file that a link of f names, or returns it if it is open. link is the path of the link, for errors.
func (f *File) linked(link, name string) (*File, error) {
	path, real, err := f.find(link, name)
	if err != nil {
		return nil, err
	}
	return f.tree.use(path, real)
}

// use returns the file with a real path that may be read, and opens it if it is not open.
func (t *tree) use(path, real string) (*File, error) {
	if i := slices.IndexFunc(t.files, func(other *File) bool { return other.real == real }); i >= 0 {
		other := t.files[i]
		if i > 0 {
			t.files = append(slices.Delete(t.files, i, i+1), other)
		}
		return other, nil
	}
	other, _, err := t.open(path, real)
	if err != nil {
		return nil, err
	}
	return other, t.closeOldest()
}

// closeOldest keeps the number of open files small. Files with open datasets stay, and the last ones used: a path may
// lead through them.
func (t *tree) closeOldest() error {
	for len(t.files) > mostOpen {
		i := 1 + slices.IndexFunc(t.files[1:len(t.files)-mostFiles], func(f *File) bool { return len(f.opened) == 0 })
		if i == 0 {
			return nil
		}
		f := t.files[i]
		t.files = slices.Delete(t.files, i, i+1)
		if err := f.closeOne(); err != nil {
			return err
		}
	}
	return nil
}

// find searches the file that a link of f names. A relative name begins in the folder of f. An absolute name that does
// not exist is searched there by its last part: data sets are moved.
func (f *File) find(link, name string) (path, real string, err error) {
	if name == "" || strings.ContainsRune(name, 0) {
		return "", "", fault(f.path, link, "a link without the name of a file", "", "write the link again", nil)
	}
	beside := name
	var places []string
	if filepath.IsAbs(name) {
		beside, places = filepath.Base(name), []string{name}
	}
	expected := filepath.Join(filepath.Dir(f.path), beside)
	for _, place := range append(places, expected, filepath.Join(filepath.Dir(f.real), beside)) {
		real, err := realPath(place)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = f.tree.admit(f, link, place, real)
		} else {
			err = fault(f.path, link, "a link to "+place+", which cannot be opened", "", "", badinput.Cause(err))
		}
		return place, real, err
	}
	return "", "", fault(f.path, link, "a link to "+expected, "that file", "copy it there", ErrNoFile)
}

// admit refuses a linked file that is outside of the roots or no file.
func (t *tree) admit(f *File, link, place, real string) error {
	inside := func(root string) bool {
		below, err := filepath.Rel(root, real)
		return err == nil && filepath.IsLocal(below)
	}
	if !slices.ContainsFunc(t.roots, inside) {
		found := "a link to " + place
		if absolute, err := filepath.Abs(place); err != nil || absolute != real { // it passes a symbolic link
			found += ", which is " + real
		}
		return fault(f.path, link, found, "a file in the folder of "+t.path+" or below it",
			"if you trust the file, add --follow-links "+filepath.Dir(real), nil)
	}
	if info, err := os.Stat(real); err != nil || !info.Mode().IsRegular() {
		return fault(f.path, link, "a link to "+place, "an HDF5 file", "", nil)
	}
	return nil
}
