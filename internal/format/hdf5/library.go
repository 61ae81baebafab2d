// Package hdf5 reads and writes HDF5 files through the HDF5 library, which is loaded with the first such file: a
// program that reads only NPZ files needs none. The package parses nothing of the format.
//
// The nouns: a Library is the loaded shared library; a File is open for reading, and gives Datasets and attributes by
// path; a Writer makes a new file. Links and virtual datasets are followed here, so that none leads out of the folder
// of the file. Gzip and shuffle are the library's own. This package decodes lzf, lz4, bitshuffle, zstd and bzip2
// in Go, which a damaged chunk cannot crash. An error names any other filter.
//
// Every fault of a file is a *badinput.Error that names file and path. Packages source and convert use this one. It
// imports no cgo: purego makes the calls.
package hdf5

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"github.com/ebitengine/purego"

	"ptyx/internal/base/bundled"
	"ptyx/internal/base/library"
)

// EnvLibrary is the environment variable that names the library, or the folder that holds it.
const EnvLibrary = "PTYX_HDF5"

// MinimumVersion is the oldest release whose identifiers are 64 bits wide.
const MinimumVersion = "1.10.0"

// Library is the HDF5 library, loaded. Its calls are made one at a time, whatever goroutines they come from: few builds
// of the library are safe for threads.
type Library struct {
	Path    string // as the loader got it
	Version string // "1.14.6"
	Source  string // the rule that found it

	api
}

// Load finds and opens the library. It takes the first of these places: the explicit path (a file, or a folder that
// holds one; empty: not given), the environment variable PTYX_HDF5, inside the program (package bundled), beside the
// executable, in lib beside it and one above, in ./lib, or where the system's loader searches. An explicit path or
// variable must hold a suitable library; Load skips an unsuitable one elsewhere. Every error is a *badinput.Error.
func Load(explicit string) (*Library, error) {
	found, place, _, err := library.Find(library.Search{
		Name: "HDF5", Version: MinimumVersion + " or newer", File: libraryName(),
		Remedy: "run `make lib`, install your system's HDF5 package, or give the folder h5py.libs of an installed " +
			"Python " +
			"package h5py with --hdf5 or " + EnvLibrary,
		Named:   []library.Place{{Source: "--hdf5", Path: explicit}, {Source: EnvLibrary, Path: os.Getenv(EnvLibrary)}},
		Bundled: func() (string, error) { return bundled.Path(bundled.HDF5) },
		Folders: library.Folders(library.Executable(), "."), Files: libraryFiles, System: systemNames(),
	}, load)
	if err != nil {
		return nil, err
	}
	found.Path, found.Source = place.Path, place.Source
	return found, nil
}

// libraryName is the name of the library without a version.
func libraryName() string {
	if goruntime.GOOS == "darwin" {
		return "libhdf5.dylib"
	}
	return "libhdf5.so"
}

// libraryFiles are the files of a folder that are named like the library: libhdf5.so first, then libhdf5.so.310,
// Debian's libhdf5_serial.so and the libhdf5-1a2b3c4d.so.310 of Python packages, which give every library a name of its
// own.
func libraryFiles(dir string) []string {
	patterns := []string{"libhdf5.so", "libhdf5.so.*", "libhdf5_serial.so", "libhdf5_serial.so.*", "libhdf5-*.so",
		"libhdf5-*.so.*"}
	if goruntime.GOOS == "darwin" {
		patterns = []string{"libhdf5.dylib", "libhdf5.*.dylib"}
	}
	var files []string
	for _, pattern := range patterns {
		found, _ := filepath.Glob(filepath.Join(escape(dir), pattern)) // fails for a malformed pattern only
		slices.Sort(found)
		slices.Reverse(found)
		files = append(files, found...)
	}
	return files
}

// escape escapes the characters of a path that have a meaning in patterns.
func escape(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// systemNames are the names that the loader searches for: the name for building against the library, and the names with
// the versions of its interface, newest first.
func systemNames() []string {
	versions := []string{"330", "320", "310", "300", "200", "103", "101", "100"}
	if goruntime.GOOS == "darwin" {
		names := []string{"libhdf5.dylib", "/opt/homebrew/lib/libhdf5.dylib"}
		for _, v := range versions {
			names = append(names, "libhdf5."+v+".dylib")
		}
		return names
	}
	names := []string{"libhdf5.so", "libhdf5_serial.so"}
	for _, v := range versions {
		names = append(names, "libhdf5.so."+v, "libhdf5_serial.so."+v)
	}
	return names
}

// load opens a library, binds its functions and starts it. The path is empty for a library that it refuses.
func load(file string) (l *Library, path string, err error) {
	handle, err := purego.Dlopen(file, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, "", err
	}
	l = &Library{}
	if err := l.api.bind(handle); err != nil {
		return nil, "", err
	}
	defer l.enter()()
	if l.h5open() < 0 {
		return nil, "", errors.New("the library does not start")
	}
	var major, minor, release uint32
	if l.h5get_libversion(&major, &minor, &release) < 0 {
		return nil, "", errors.New("the library does not report its version")
	}
	l.Version = fmt.Sprintf("%d.%d.%d", major, minor, release)
	if major < 1 || major == 1 && minor < 10 {
		return nil, "", fmt.Errorf("version %s, older than %s", l.Version, MinimumVersion)
	}
	if err := l.api.bindIDs(handle); err != nil {
		return nil, "", err
	}
	if os.Getenv("HDF5_PLUGIN_PATH") == "" { // else the library searches a folder of its own choice, too
		l.h5PLset_loading_state(0)
	}
	l.registerFilters()
	return l, file, nil
}
