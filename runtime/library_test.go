package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	goruntime "runtime"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/bundled"
	"ptyx/internal/base/library"
)

func TestCheckVersion(t *testing.T) {
	for _, tc := range []struct{ version, want string }{
		{"1.24.1", ""}, {"1.24.4", ""}, {"1.30.0", ""}, {"1.31", ""}, {"1.100.0", ""}, {"1.26.0-dev.2026", ""},
		{"1.24.0", "too old"}, {"1.23.2", "too old"}, {"1.9.0", "too old"}, {"0.99.0", "too old"},
		{"2.0.0", "too new"},
		{"", "not of the form"}, {"1", "not of the form"}, {"one.two.three", "not of the form"},
	} {
		err := checkVersion(tc.version)
		switch {
		case tc.want == "" && err != nil:
			t.Errorf("%q was refused: %v", tc.version, err)
		case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
			t.Errorf("%q: got %v, want %q", tc.version, err, tc.want)
		}
	}
}

// search is a finder over a simulated machine: files maps the files to their version or fault.
func search(t *testing.T, files map[string]string) (finder, string) {
	root := t.TempDir()
	for _, dir := range []string{"bin/lib", "lib", "work/lib", "named"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	versions := map[string]string{}
	for name, version := range files {
		if strings.ContainsRune(name, '/') {
			name = filepath.Join(root, name)
			if err := os.WriteFile(name, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		versions[name] = version
	}
	return finder{
		getenv:  func(string) string { return "" },
		folders: library.Folders(filepath.Join(root, "bin"), filepath.Join(root, "work")),
		system:  []string{"system.1", "system.2"}, bundled: func() (string, error) { return "", bundled.ErrNone },
		inspect: func(name string) (facts, error) {
			version, ok := versions[filepath.Clean(name)]
			if !ok {
				return facts{}, errors.New("not found")
			}
			return facts{path: "/usr/lib/" + name, version: version}, checkVersion(version)
		},
	}, root
}

// The places of the search in order: with the first n removed, the next one is found.
func TestFindOrder(t *testing.T) {
	name := libraryName()
	order := []struct{ file, source string }{
		{"named/explicit", "--onnxruntime"},
		{"named/first", EnvLibrary},
		{"named/second", EnvLibraryCommon},
		{"bin/" + name, "beside the executable"},
		{"bin/lib/" + name, "lib beside the executable"},
		{"lib/" + name, "lib above the executable"},
		{"work/lib/" + name, "./lib"},
		{"system.1", "the system"},
		{"system.2", "the system"},
	}
	for first := range order {
		files := map[string]string{}
		for i, o := range order[first:] {
			files[o.file] = fmt.Sprintf("1.30.%d", first+i)
		}
		f, root := search(t, files)
		if first <= 0 {
			f.explicit = filepath.Join(root, order[0].file)
		}
		f.getenv = func(key string) string {
			for i, k := range []string{EnvLibrary, EnvLibraryCommon} {
				if key == k && first <= i+1 {
					return filepath.Join(root, order[i+1].file)
				}
			}
			return ""
		}
		library, passed, err := f.find()
		if err != nil || len(passed) > 0 {
			t.Fatalf("%s: %v %v", order[first].file, passed, err)
		}
		if want := fmt.Sprintf("1.30.%d", first); library.Version != want || library.Source != order[first].source {
			t.Errorf("found %+v, want version %s by %s", library, want, order[first].source)
		}
	}
	f, _ := search(t, nil)
	_, _, err := f.find()
	wantError(t, err, "found no library in", requiredVersion, "make lib", EnvLibrary)
	var bad *badinput.Error
	if !errors.As(err, &bad) {
		t.Errorf("%T is not the user's kind of error", err)
	}
}

// The library inside the program is tried after a named one and before those in folders. If it cannot be loaded, the
// search skips and reports it.
func TestFindInsideTheProgram(t *testing.T) {
	beside := "bin/" + libraryName()
	f, _ := search(t, map[string]string{"inside": "1.30.0", beside: "1.29.0", "named/first": "1.28.0"})
	f.bundled = func() (string, error) { return "inside", nil }
	if library, _, err := f.find(); err != nil || library.Source != "the program itself" {
		t.Errorf("found %+v, %v, want the one inside", library, err)
	}
	f, root := search(t, map[string]string{"named/first": "1.28.0"})
	f.bundled = func() (string, error) { return "inside", nil }
	f.getenv = func(key string) string {
		return map[string]string{EnvLibrary: filepath.Join(root, "named/first")}[key]
	}
	if library, _, err := f.find(); err != nil || library.Source != EnvLibrary {
		t.Errorf("found %+v, %v, want the one that is named", library, err)
	}
	f, _ = search(t, map[string]string{beside: "1.29.0"})
	f.bundled = func() (string, error) { return "", errors.New("no memory that may be executed") }
	library, passed, err := f.find()
	if err != nil || library.Source != "beside the executable" || len(passed) != 1 {
		t.Errorf("found %+v, %v, passed over %v, want the one beside the executable and one fault", library, err,
			passed)
	}
}

func TestFindInFolder(t *testing.T) {
	numbered := func(version string) string {
		if goruntime.GOOS == "darwin" {
			return "libonnxruntime." + version + ".dylib"
		}
		return "libonnxruntime.so." + version
	}
	files := map[string]string{
		"named/" + numbered("1.9.0"): "1.9.0", "named/" + numbered("1.30.0"): "1.30.0",
		"named/" + numbered("1.26.2"):              "1.26.2",
		"named/libonnxruntime_providers_shared.so": "1.99.0",
	}
	f, root := search(t, files)
	f.explicit = filepath.Join(root, "named")
	library, _, err := f.find()
	if err != nil || library.Version != "1.30.0" {
		t.Errorf("the newest: found %+v, %v", library, err)
	}
	// The name without a version is somebody's choice.
	files["named/"+libraryName()] = "1.26.2"
	f, root = search(t, files)
	f.explicit = filepath.Join(root, "named")
	library, _, err = f.find()
	if err != nil || filepath.Base(library.Path) != libraryName() {
		t.Errorf("the chosen one: found %+v, %v", library, err)
	}
	f.explicit = filepath.Join(root, "work")
	_, _, err = f.find()
	wantError(t, err, "a folder without "+libraryName())
}

// A named unsuitable library is an error even if another place has a usable one; the search skips one that is not
// named.
func TestFindUnfit(t *testing.T) {
	good := "work/lib/" + libraryName()
	f, root := search(t, map[string]string{"named/old": "1.20.1", "named/new": "2.0.0", good: "1.30.0"})
	for _, tc := range []struct {
		path string
		want []string
	}{
		{"named/old", []string{"version 1.20.1 is too old", requiredVersion}},
		{"named/new", []string{"version 2.0.0 is too new", requiredVersion}},
		{"named/absent", []string{"no such file"}},
	} {
		g := f
		g.explicit = filepath.Join(root, tc.path)
		_, _, err := g.find()
		wantError(t, err, append(tc.want, "--onnxruntime", g.explicit)...)
	}

	f, _ = search(t, map[string]string{"bin/" + libraryName(): "1.20.1", "system.1": "1.21.0", good: "1.30.0"})
	library, passed, err := f.find()
	if err != nil || library.Source != "./lib" || len(passed) != 1 || !strings.Contains(passed[0].Error(), "1.20.1") {
		t.Errorf("found %+v, passed over %v, %v", library, passed, err)
	}
	f, _ = search(t, map[string]string{"bin/" + libraryName(): "1.20.1", "system.1": "1.21.0"})
	_, _, err = f.find()
	wantError(t, err, "no library that can be used", "version 1.20.1 is too old", "/usr/lib/system.1",
		"version 1.21.0 is too old", requiredVersion)
}

// Unsuitable files are refused without a crash and without output on standard error.
func TestRefusedLibraries(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, path, want string }{
		{"not a library", text, "text.so"},
		{"another library", compile(t, filepath.Join(dir, "other.so"), "int answer(void) { return 42; }"),
			"not ONNX Runtime"},
		{"too old", impostor(t, filepath.Join(dir, "old.so"), "1.20.1"), "version 1.20.1 is too old"},
		{"too new", impostor(t, filepath.Join(dir, "new.so"), "2.1.0"), "version 2.1.0 is too new"},
		{"without the interface", impostor(t, filepath.Join(dir, "odd.so"), "1.30.0"), "does not offer C API 24"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Find(tc.path)
			wantError(t, err, tc.path, tc.want, requiredVersion)
			_, err = Open(Library{Path: tc.path})
			wantError(t, err, tc.path, tc.want)
		})
	}
}

// The system's loader finds libraries by name. The test runs in its own process, because the loader reads its path
// once.
func TestFindInSystem(t *testing.T) {
	real, err := Find("")
	if err != nil {
		t.Fatal(err)
	}
	resolved, err := filepath.EvalSymlinks(real.Path)
	if err != nil {
		t.Fatal(err)
	}
	if resolved, err = filepath.Abs(resolved); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	variable := "LD_LIBRARY_PATH"
	if goruntime.GOOS == "darwin" {
		variable = "DYLD_LIBRARY_PATH"
	}
	system := filepath.Join(dir, systemNames()[1])
	if err := os.Symlink(resolved, system); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(exe)
	command.Dir = dir
	command.Env = append(os.Environ(), variable+"="+dir, EnvLibrary+"=", EnvLibraryCommon+"=", printFound+"=1")
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	var found Library
	if err := json.Unmarshal(output, &found); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if found.Source != "the system" || found.Version != real.Version ||
		filepath.Base(found.Path) != filepath.Base(system) {
		t.Errorf("found %+v, want %s by the system", found, system)
	}
}

// printFound makes the test binary print what Find finds, instead of testing.
const printFound = "PTYX_TEST_PRINT_FOUND"

func TestMain(m *testing.M) {
	if os.Getenv(printFound) != "" {
		library, err := Find("")
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(library)
		}
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The indices of the three functions called without the wrapper agree with the wrapper's header.
func TestFunctionPlaces(t *testing.T) {
	output, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/yalue/onnxruntime_go").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(output)), "onnxruntime_c_api.h"))
	if err != nil {
		t.Fatal(err)
	}
	header := regexp.MustCompile(`(?s)/\*.*?\*/|//[^\n]*`).ReplaceAllString(string(text), "")
	if want := fmt.Sprintf("#define ORT_API_VERSION %d\n", APIVersion); !strings.Contains(header, want) {
		t.Errorf("the wrapper's header lacks %q", want)
	}
	_, table, ok := strings.Cut(header, "struct OrtApi {")
	if !ok {
		t.Fatal("no struct OrtApi in the header")
	}
	// Each member is a macro, or a function pointer written out.
	member := regexp.MustCompile(`ORT_API2_STATUS\((\w+)|ORT_CLASS_RELEASE2?\((\w+)|\(ORT_API_CALL\s*\*\s*(\w+)\)`)
	places := map[string]int{}
	for i, m := range member.FindAllStringSubmatch(table, -1) {
		name := m[1] + m[3]
		if m[2] != "" {
			name = "Release" + m[2]
		}
		if _, seen := places[name]; !seen {
			places[name] = i
		}
	}
	for name, place := range functionPlaces {
		if got, ok := places[name]; !ok || got != place {
			t.Errorf("%s is member %d of OrtApi, not %d", name, got, place)
		}
	}
}
