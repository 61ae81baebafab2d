package evaluate_test

import (
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/scan/source/sourcetest"
)

// TestObjectAtAPlace loads an object that no layout names: FILE:PATH of an HDF5 file, and of an NPZ file with another
// object.
func TestObjectAtAPlace(t *testing.T) {
	if library := hdf5test.Library(); library != "" {
		t.Setenv("PTYX_HDF5", library)
	}
	want, other := ndarray.New[complex64](5, 7), ndarray.New[complex64](4, 4)
	for i := range want.Data {
		want.Data[i] = complex(float32(i), 1)
	}
	h5 := sourcetest.File{"result/final": want, "result/start": other}.Write(t, "other.h5")
	sole := sourcetest.File{"final": want}.Write(t, "sole.h5")
	arrays := filepath.Join(t.TempDir(), "arrays.npz")
	err := npz.Write(arrays, []npz.Member{{Key: "objectGuess", Value: other}, {Key: "final", Value: want}})
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{h5 + ":result/final", sole, arrays + ":final"} {
		s, err := evaluate.Load(value)
		if err != nil {
			t.Errorf("%s: %v", value, err)
			continue
		}
		if !ndarray.SameShape(s.Object.Shape, want.Shape) || s.Object.Data[8] != want.Data[8] {
			t.Errorf("%s: object %v of shape %v", value, s.Object.Data[8], s.Object.Shape)
		}
	}
	for value, says := range map[string]string{
		h5: "give the path of an array", h5 + ":result/none": "result/none",
	} {
		if _, err := evaluate.Load(value); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", value, err, says)
		}
	}
}
