// Package library finds a shared library, such as ONNX Runtime or HDF5, on this machine: at a path of the user, inside
// the program, around the executable, in ./lib or where the system's loader searches.
package library

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/bundled"
)

// Search describes a library and the places that may hold it.
type Search struct {
	Name    string // "HDF5"
	Version string // that ptyx needs: "1.10.0 or newer"
	File    string // file name without a version: "libhdf5.so"
	Remedy  string // for a machine without the library

	Named   []Place                      // paths of files or folders from a flag and from the environment; may be empty
	Bundled func() (string, error)       // the path of the library inside the program, or bundled.ErrNone
	Folders []Place                      // as Folders lists them
	Files   func(folder string) []string // the library's files in a folder, best first
	System  []string                     // names for the system's loader, best first
}

// Place is a path and the flag, variable or rule that it comes from.
type Place struct{ Source, Path string }

// Folders are the folders that may hold the libraries: that of the executable, if it is known, those around it, and lib
// in the working directory.
func Folders(executable, working string) []Place {
	var p []Place
	if executable != "" {
		p = []Place{
			{"beside the executable", executable},
			{"lib beside the executable", filepath.Join(executable, "lib")},
			{"lib above the executable", filepath.Join(executable, "..", "lib")},
		}
	}
	// "./lib" is relative, and still a path for the loader.
	return append(p, Place{"./lib", working + string(filepath.Separator) + "lib"})
}

// Executable is the folder of this program without links, or empty if it is unknown.
func Executable() string {
	program, err := os.Executable()
	if err != nil {
		return ""
	}
	if resolved, err := filepath.EvalSymlinks(program); err == nil {
		program = resolved
	}
	return filepath.Dir(program)
}

// Find returns the first library that open accepts, its place, and the faults of the libraries that it skipped. A path
// of the user must be usable: Find skips none. open also returns the path of the file, empty if there is no file. Every
// error is a *badinput.Error.
func Find[T any](s Search, open func(file string) (found T, path string, err error)) (T, Place, []error, error) {
	var none T
	for _, named := range s.Named {
		if named.Path != "" {
			found, file, err := openNamed(s, named, open)
			return found, Place{named.Source, file}, nil, err
		}
	}
	var skipped []error
	places := []Place{}
	inside, err := s.Bundled()
	if err == nil {
		places = append(places, Place{"the program itself", inside})
	} else if !errors.Is(err, bundled.ErrNone) {
		skipped = append(skipped, fmt.Errorf("the library inside the program: %w", err))
	}
	for _, folder := range s.Folders {
		for _, file := range s.Files(folder.Path) {
			places = append(places, Place{folder.Source, file})
		}
	}
	for _, p := range places {
		found, _, err := open(p.Path)
		if err == nil {
			return found, p, skipped, nil
		}
		skipped = append(skipped, fmt.Errorf("%s: %w", p.Path, err))
	}
	for _, name := range s.System {
		found, path, err := open(name)
		if err == nil {
			return found, Place{"the system", path}, skipped, nil
		}
		if path != "" { // a name that the system does not have is no fault; an unsuitable version is
			skipped = append(skipped, fmt.Errorf("%s: %w", path, err))
		}
	}
	return none, Place{}, skipped, s.missing(skipped)
}

// openNamed opens the library that the user named: a file, or the best file of a folder.
func openNamed[T any](s Search, named Place, open func(file string) (T, string, error)) (T, string, error) {
	var none T
	refuse := func(file, found string, cause error) (T, string, error) {
		return none, "", s.Refuse(Place{named.Source, file}, found, cause)
	}
	file := named.Path
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return refuse(file, "no such file", nil)
	case err != nil:
		return refuse(file, "a path that cannot be read", badinput.Cause(err))
	case info.IsDir():
		files := s.Files(file)
		if len(files) == 0 {
			return refuse(file, "a folder without "+s.File, nil)
		}
		file = files[0]
	}
	if !strings.ContainsRune(file, filepath.Separator) { // the loader would search the system
		file = "." + string(filepath.Separator) + file
	}
	found, _, err := open(file)
	if err != nil {
		return refuse(file, "a library that cannot be used", err)
	}
	return found, file, nil
}

// Refuse is the error for an unusable library at a place of the user.
func (s Search) Refuse(at Place, found string, cause error) error {
	return &badinput.Error{
		File: at.Path, Key: at.Source, Found: found, Expected: s.Name + ", " + s.Version, Cause: cause,
		Remedy: "name a suitable " + s.File + ", or none to search the usual places",
	}
}

// missing is the error for a machine without a usable library.
func (s Search) missing(skipped []error) error {
	fault := &badinput.Error{Key: s.Name, Found: "no library", Expected: s.File + ", " + s.Version, Remedy: s.Remedy}
	if err := errors.Join(skipped...); err != nil {
		fault.Found = "no library that can be used"
		fault.Cause = errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	fault.Found += " in "
	for _, variable := range s.Named[1:] {
		fault.Found += variable.Source + ", "
	}
	fault.Found += "beside the executable, in lib beside it, in ./lib or in the system"
	return fault
}
