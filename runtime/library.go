package runtime

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"

	"ptyx/internal/base/bundled"
	"ptyx/internal/base/library"
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
	folders  []library.Place
	system   []string
	inspect  func(name string) (facts, error)
	bundled  func() (string, error) // path of the library inside the program, or bundled.ErrNone
}

func newFinder(explicit string) finder {
	return finder{
		explicit: explicit, getenv: os.Getenv, folders: library.Folders(library.Executable(), "."),
		system: systemNames(), inspect: inspect,
		bundled: func() (string, error) { return bundled.Path(bundled.ONNXRuntime) },
	}
}

// find returns the library, and the faults of those that it skipped.
func (f finder) find() (Library, []error, error) {
	found, place, skipped, err := library.Find(f.search(), func(file string) (facts, string, error) {
		found, err := f.inspect(file)
		return found, found.path, err
	})
	if err != nil {
		return Library{}, skipped, err
	}
	return Library{Path: place.Path, Version: found.version, Source: place.Source}, skipped, nil
}

func (f finder) search() library.Search {
	return library.Search{
		Name: "ONNX Runtime", Version: requiredVersion, File: libraryName(),
		Remedy: "run `make lib`, or give its path with --onnxruntime or " + EnvLibrary,
		Named: []library.Place{
			{Source: "--onnxruntime", Path: f.explicit},
			{Source: EnvLibrary, Path: f.getenv(EnvLibrary)},
			{Source: EnvLibraryCommon, Path: f.getenv(EnvLibraryCommon)},
		},
		Bundled: f.bundled, Folders: f.folders, Files: libraryFiles, System: f.system,
	}
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
