// Package runtimetest opens ONNX Runtime for the tests of other packages.
package runtimetest

import (
	"testing"

	ort "ptyx/runtime"
)

// Open opens the library under test until the test ends. A machine without it fails: training and inference are meant
// to run there.
func Open(t testing.TB) *ort.Environment {
	t.Helper()
	library, err := ort.Find("")
	if err != nil {
		t.Fatalf("these tests need ONNX Runtime; `make test` obtains it: %v", err)
	}
	env, err := ort.Open(library)
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
