package runtime

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"ptyx/internal/badinput"
)

// Library is a usable ONNX Runtime library.
type Library struct {
	Path    string // as it will be opened
	Version string // "1.30.0"
	Source  string // where it was found: "flag", "environment PTYX_ONNXRUNTIME", "beside the program", ...
}

// EnvVars are the environment variables that name the library, in the order they are looked at.
var envVars = []string{"PTYX_ONNXRUNTIME", "ONNXRUNTIME_SHARED_LIBRARY_PATH"}

// Find looks for the library: the explicit path (a flag), the environment, beside the program, lib/ beside it or above
// it, lib/ in the working directory, then where the system keeps libraries. What is named explicitly must be usable;
// elsewhere the first file that is there decides.
func Find(explicit string) (Library, error) {
	if explicit != "" {
		return usable(explicit, "flag")
	}
	for _, name := range envVars {
		if path := os.Getenv(name); path != "" {
			return usable(path, "environment "+name)
		}
	}
	for _, place := range searchPlaces() {
		if path, ok := newestIn(place.dir); ok {
			return usable(path, place.source)
		}
	}
	for _, name := range systemNames {
		if version, err := probeLibrary(name); err == nil {
			return Library{Path: name, Version: version, Source: "system"}, nil
		}
	}
	return Library{}, &badinput.Error{
		Key: "ONNX Runtime", Found: "no library", Expected: "libonnxruntime, version " + Required,
		Remedy: "run make lib, name it with --onnxruntime or " + envVars[0] + ", or use --engine tape, which needs none",
	}
}

func usable(path, source string) (Library, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		inside, ok := newestIn(path)
		if !ok {
			return Library{}, &badinput.Error{File: path, Key: "ONNX Runtime (" + source + ")", Found: "a directory without " + libraryName, Remedy: "name the library file"}
		}
		path = inside
	}
	version, err := probeLibrary(path)
	if err != nil {
		return Library{}, &badinput.Error{
			File: path, Key: "ONNX Runtime (" + source + ")", Found: "a library that cannot be used",
			Expected: "version " + Required, Cause: err, Remedy: "run make lib, or name another with --onnxruntime",
		}
	}
	return Library{Path: path, Version: version, Source: source}, nil
}

type place struct{ dir, source string }

func searchPlaces() []place {
	var places []place
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dir := filepath.Dir(exe)
		places = append(places, place{dir, "beside the program"}, place{filepath.Join(dir, "lib"), "lib/ beside the program"},
			place{filepath.Join(dir, "..", "lib"), "lib/ of the installation"})
	}
	return append(places, place{"lib", "lib/ of the working directory"})
}

// newestIn is the library file in a directory; of several, the one with the highest version in its name.
func newestIn(dir string) (string, bool) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", false
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), libraryName) && !strings.Contains(e.Name(), "providers") {
			names = append(names, e.Name())
		}
	}
	if len(names) == 0 {
		return "", false
	}
	sort.Slice(names, func(i, j int) bool { return versionKey(names[i]) < versionKey(names[j]) })
	return filepath.Join(dir, names[len(names)-1]), true
}

// versionKey makes names sort by their numbers.
func versionKey(name string) string {
	var b strings.Builder
	for _, part := range strings.FieldsFunc(name, func(r rune) bool { return r == '.' || r == '-' }) {
		fmt.Fprintf(&b, "%8s.", part)
	}
	return b.String()
}
