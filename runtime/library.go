package runtime

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/bundled"
)

// The environment variables that name the library (or the folder that holds it), first before second. The second is the
// one that other programs read too.
const (
	EnvLibrary       = "PTYX_ONNXRUNTIME"
	EnvLibraryCommon = "ONNXRUNTIME_SHARED_LIBRARY_PATH"
)

// Library is a shared library of ONNX Runtime that is usable here.
type Library struct {
	Path    string `json:"path"`
	Version string `json:"version"` // "1.30.0"
	Source  string `json:"source"`  // where it was found: "PTYX_ONNXRUNTIME", "./lib", "the system"
}

// Find searches for ONNX Runtime: at the explicit path (a file, or a folder that holds one; empty: not given), at the
// two environment variables, inside the program, beside the executable, in lib beside it and one above, in ./lib, and
// where the system's loader looks. A named path must be usable. Elsewhere Find skips an unsuitable library, and reports
// it only if no usable one follows. Every error is an *InputError that names the versions found and required.
func Find(explicit string) (Library, error) {
	library, _, err := newFinder(explicit).find()
	return library, err
}

// finder is the search and its inputs.
type finder struct {
	explicit string
	getenv   func(string) string
	exeDir   string // folder of the executable; empty if unknown
	workDir  string // "." for the real search
	system   []string
	inspect  func(name string) (facts, error)
	bundled  func() (string, error) // path of the library inside the program, or bundled.ErrNone
}

func newFinder(explicit string) finder {
	f := finder{explicit: explicit, getenv: os.Getenv, workDir: ".", system: systemNames(), inspect: inspect}
	f.bundled = func() (string, error) { return bundled.Path(bundled.ONNXRuntime) }
	if exe, err := os.Executable(); err == nil {
		if resolved, err := filepath.EvalSymlinks(exe); err == nil {
			exe = resolved
		}
		f.exeDir = filepath.Dir(exe)
	}
	return f
}

// find returns the library, and the faults of those that it skipped.
func (f finder) find() (Library, []error, error) {
	for _, named := range []struct{ source, path string }{
		{"--onnxruntime", f.explicit},
		{EnvLibrary, f.getenv(EnvLibrary)},
		{EnvLibraryCommon, f.getenv(EnvLibraryCommon)},
	} {
		if named.path != "" {
			library, err := f.named(named.source, named.path)
			return library, nil, err
		}
	}
	return f.searched()
}

// named returns the library that the user named.
func (f finder) named(source, path string) (Library, error) {
	file := path
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Library{}, unfit(path, source, "no such file", nil)
	case err != nil:
		return Library{}, unfit(path, source, "a path that cannot be read", err)
	case info.IsDir():
		files := libraryFiles(path)
		if len(files) == 0 {
			return Library{}, unfit(path, source, "a folder without "+libraryName(), nil)
		}
		file = files[0]
	}
	// For a name without a slash the loader would search the system.
	if !strings.ContainsRune(file, filepath.Separator) {
		file = "." + string(filepath.Separator) + file
	}
	found, err := f.inspect(file)
	if err != nil {
		return Library{}, unfit(file, source, "a library that cannot be used", err)
	}
	return Library{Path: file, Version: found.version, Source: source}, nil
}

func unfit(path, source, found string, cause error) error {
	return &badinput.Error{
		File: path, Key: source, Found: found, Expected: "ONNX Runtime, " + requiredVersion, Cause: cause,
		Remedy: "name a fitting " + libraryName() + ", or none to have the usual places searched",
	}
}

// searched tries the usual places.
func (f finder) searched() (Library, []error, error) {
	var skipped []error
	try := func(file, source string) (Library, bool) {
		found, err := f.inspect(file)
		if err != nil {
			skipped = append(skipped, fmt.Errorf("%s: %w", file, err))
			return Library{}, false
		}
		return Library{Path: file, Version: found.version, Source: source}, true
	}
	switch file, err := f.bundled(); {
	case err == nil:
		if library, ok := try(file, "the program itself"); ok {
			return library, skipped, nil
		}
	case !errors.Is(err, bundled.ErrNone):
		skipped = append(skipped, fmt.Errorf("the library inside the program: %w", err))
	}
	for _, place := range f.places() {
		for _, file := range libraryFiles(place.dir) {
			if library, ok := try(file, place.source); ok {
				return library, skipped, nil
			}
		}
	}
	for _, name := range f.system {
		found, err := f.inspect(name)
		if err == nil {
			return Library{Path: found.path, Version: found.version, Source: "the system"}, skipped, nil
		}
		// A name that the system does not have is no fault; an unsuitable version is.
		if found.path != "" {
			skipped = append(skipped, fmt.Errorf("%s: %w", found.path, err))
		}
	}
	return Library{}, skipped, f.nothing(skipped)
}

// place is a folder of the search.
type place struct{ dir, source string }

func (f finder) places() []place {
	var p []place
	if f.exeDir != "" {
		p = append(p,
			place{f.exeDir, "beside the executable"},
			place{filepath.Join(f.exeDir, "lib"), "lib beside the executable"},
			place{filepath.Join(f.exeDir, "..", "lib"), "lib above the executable"},
		)
	}
	// "./lib/..." is relative, and still a path for the loader.
	return append(p, place{f.workDir + string(filepath.Separator) + "lib", "./lib"})
}

func (f finder) nothing(skipped []error) error {
	found := "no library"
	if len(skipped) > 0 {
		found = "no library that can be used"
	}
	return &badinput.Error{
		Key: "ONNX Runtime", Found: found + " in " + EnvLibrary + ", " + EnvLibraryCommon +
			", beside the executable, in lib beside it, in ./lib or in the system",
		Expected: libraryName() + ", " + requiredVersion, Cause: summary(skipped),
		Remedy: "run `make lib`, or give its path with --onnxruntime or " + EnvLibrary,
	}
}

// summary joins faults on one line; nil if there are none.
func summary(faults []error) error {
	var texts []string
	for _, f := range faults {
		texts = append(texts, f.Error())
	}
	if texts == nil {
		return nil
	}
	return errors.New(strings.Join(texts, "; "))
}

// libraryName is the name of the library without a version.
func libraryName() string {
	if goruntime.GOOS == "darwin" {
		return "libonnxruntime.dylib"
	}
	return "libonnxruntime.so"
}

// libraryFiles are the files of a folder that are named like the library: first the name without a version, usually a
// link to the chosen one, then the newest version first.
func libraryFiles(dir string) []string {
	pattern := "libonnxruntime.so.*"
	if goruntime.GOOS == "darwin" {
		pattern = "libonnxruntime.*.dylib"
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // a missing folder holds no library
	}
	var names []string
	for _, e := range entries {
		if match, _ := filepath.Match(pattern, e.Name()); match || e.Name() == libraryName() {
			names = append(names, e.Name())
		}
	}
	slices.SortFunc(names, func(a, b string) int {
		switch libraryName() {
		case a:
			return -1
		case b:
			return 1
		}
		va, vb := nameVersion(a), nameVersion(b)
		return cmp.Or(slices.Compare(vb[:], va[:]), cmp.Compare(b, a))
	})
	for i, name := range names {
		names[i] = dir + string(filepath.Separator) + name
	}
	return names
}

// nameVersion is the version in a file name: 1.30.0 of libonnxruntime.so.1.30.0, 1.0.0 of libonnxruntime.so.1.
func nameVersion(name string) [3]int {
	name = strings.TrimPrefix(strings.TrimSuffix(name, ".dylib"), "libonnxruntime.")
	v, _ := parseVersion(strings.TrimPrefix(name, "so.") + ".0")
	return v
}

// systemNames are the names for the system's loader: ONNX Runtime's own name, the name for linking, and the names of
// distributions, which contain the minor version.
func systemNames() []string {
	if goruntime.GOOS == "darwin" {
		return []string{"libonnxruntime.1.dylib", libraryName()}
	}
	names := []string{"libonnxruntime.so.1", libraryName()}
	minimum, _ := parseVersion(MinimumVersion)
	for minor := minimum[1] + 40; minor >= minimum[1]; minor-- {
		names = append(names, fmt.Sprintf("libonnxruntime.so.1.%d", minor))
	}
	return names
}
