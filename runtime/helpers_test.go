package runtime

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
)

// open opens the ONNX Runtime under test. Without one the test fails.
func open(t testing.TB) *Environment {
	t.Helper()
	library, err := Find("")
	if err != nil {
		t.Fatalf("these tests need ONNX Runtime; `make test` obtains it: %v", err)
	}
	env, err := Open(library)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	return env
}

func readModel(t testing.TB, name string) []byte {
	t.Helper()
	model, err := os.ReadFile(filepath.Join("testdata", name+".onnx"))
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func newSession(t testing.TB, env *Environment, model string, o SessionOptions) *Session {
	t.Helper()
	s, err := env.NewSession(readModel(t, model), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// list makes the argument lists of Bind and Run.
func list(arrays ...*ndarray.Float32) []*ndarray.Float32 { return arrays }

// ramp is 0, 1, 2, ... in the given shape.
func ramp(shape ...int) *ndarray.Float32 {
	a := ndarray.New[float32](shape...)
	for i := range a.Data {
		a.Data[i] = float32(i)
	}
	return a
}

// wantError checks that there is an error of one line that contains all parts.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error lacks %q: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is not one line: %q", err)
	}
}

// compile builds a shared library from C source: a library that behaves like an ONNX Runtime of another version.
func compile(t *testing.T, path, source string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "library.c")
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("cc", "-shared", "-fPIC", "-o", path, file).CombinedOutput(); err != nil {
		t.Fatalf("compiling: %v\n%s", err, output)
	}
	return path
}

// impostor is a library that calls itself ONNX Runtime of a version and has no interface at all.
func impostor(t *testing.T, path, version string) string {
	return compile(t, path, `
static const char *version(void) { return "`+version+`"; }
static const void *api(unsigned v) { (void)v; return 0; }
static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = {api, version};
const void *OrtGetApiBase(void) { return &base; }
`)
}
