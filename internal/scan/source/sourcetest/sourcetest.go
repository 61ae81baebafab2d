// Package sourcetest writes HDF5 files that tests bend before they read them.
package sourcetest

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/hdf5/hdf5test"
)

// File is an HDF5 file to be: values, or a Link, by their paths; an attribute's is that of its object, @ and its name.
type File map[string]any

// Link is a soft link to a path.
type Link string

// With is the file with another value at a path, or without any where the value is nil.
func (f File) With(path string, value any) File {
	out := maps.Clone(f)
	if value == nil {
		delete(out, path)
	} else {
		out[path] = value
	}
	return out
}

// Write writes the file under a name in a directory of its own, and returns its path.
func (f File) Write(t testing.TB, name string) string {
	t.Helper()
	l, err := hdf5.Load(hdf5test.Library())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	err = l.Create(path, func(w *hdf5.Writer) error {
		var errs []error
		for _, p := range slices.Sorted(maps.Keys(f)) {
			object, attribute, is := strings.Cut(p, "@")
			switch v := f[p].(type) {
			case Link:
				errs = append(errs, w.Link(p, string(v)))
			default:
				if is {
					errs = append(errs, w.Attribute(object, attribute, v))
				} else {
					errs = append(errs, w.Put(p, v))
				}
			}
		}
		return errors.Join(errs...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}
