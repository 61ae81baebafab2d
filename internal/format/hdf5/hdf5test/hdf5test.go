// Package hdf5test tells tests where the HDF5 library is.
package hdf5test

import (
	"os"
	"path/filepath"
)

// Library is the explicit path that tests load the library from: none where PTYX_HDF5 says it, else the folder lib of
// the repository, which make lib fills. A test without the library fails: none is skipped.
func Library() string {
	if os.Getenv("PTYX_HDF5") != "" {
		return ""
	}
	dir, err := os.Getwd() // the folder of the package under test
	for err == nil && dir != filepath.Dir(dir) {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return filepath.Join(dir, "lib")
		}
		dir = filepath.Dir(dir)
	}
	return ""
}
