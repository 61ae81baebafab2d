package reconstruct

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"ptyx/internal/npz"
)

func saved(t *testing.T, dir string) *Result {
	t.Helper()
	r := run(t, &fake{}, opened(t, scanData(7)), model(1, "full"), Options{BatchSize: 3, Count: 5})
	if err := r.Save(dir, "c0ffee"); err != nil {
		t.Fatal(err)
	}
	return r
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestSaveWritesTheObjectWithItsProvenance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "some", "where") // is made
	r := saved(t, dir)
	if got := names(t, dir); !slices.Equal(got, []string{AmplitudeFile, PhaseFile, ObjectFile}) {
		t.Errorf("the directory holds %v", got)
	}
	file, err := npz.Open(filepath.Join(dir, ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got, want := file.Keys(), []string{"object", "origin", "coverage", "spread", "xcoords", "ycoords", "scan_index", "model_digest", "provider"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	for key, dtype := range map[string]string{
		"object": "<c8", "origin": "<i8", "coverage": "<f4", "spread": "<f4", "xcoords": "<f8", "ycoords": "<f8", "scan_index": "<i8",
	} {
		if h, err := file.Header(key); err != nil || h.Dtype != dtype {
			t.Errorf("%s has type %s (%v), want %s", key, h.Dtype, err, dtype)
		}
	}
	if o, err := file.Complex64("object"); err != nil || !slices.Equal(o.Shape, r.Object.Shape) || !slices.Equal(o.Data, r.Object.Data) {
		t.Errorf("object: another came back (%v)", err)
	}
	for key, want := range map[string][]float32{"coverage": r.Coverage.Data, "spread": r.Spread.Data} {
		if a, err := file.Float32(key); err != nil || !slices.Equal(a.Data, want) {
			t.Errorf("%s: another came back (%v)", key, err)
		}
	}
	for key, want := range map[string][]float64{"xcoords": r.X, "ycoords": r.Y} {
		if v, err := file.Float64s(key); err != nil || !slices.Equal(v, want) {
			t.Errorf("%s: %v, want %v (%v)", key, v, want, err)
		}
	}
	for key, want := range map[string][]int64{"origin": {int64(r.Row), int64(r.Col)}, "scan_index": r.IDs} {
		if v, err := file.Int64s(key); err != nil || !slices.Equal(v, want) {
			t.Errorf("%s: %v, want %v (%v)", key, v, want, err)
		}
	}
	for key, want := range map[string]string{"model_digest": "c0ffee", "provider": "fake"} {
		if v, err := file.String(key); err != nil || v != want {
			t.Errorf("%s: %q, want %q (%v)", key, v, want, err)
		}
	}
	for _, name := range []string{AmplitudeFile, PhaseFile} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSavingAgainGivesTheSameBytes(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	saved(t, a)
	saved(t, b)
	saved(t, b) // over itself
	for _, name := range names(t, a) {
		x, errX := os.ReadFile(filepath.Join(a, name))
		y, errY := os.ReadFile(filepath.Join(b, name))
		if errX != nil || errY != nil || !bytes.Equal(x, y) {
			t.Errorf("%s differs (%v, %v)", name, errX, errY)
		}
	}
}

// TestAFailedSaveLeavesNothingHalf: each file in turn cannot be put in its place, because a directory is there.
func TestAFailedSaveLeavesNothingHalf(t *testing.T) {
	r := run(t, &fake{}, opened(t, scanData(4)), model(1, "full"), Options{BatchSize: 4})
	order := []string{ObjectFile, AmplitudeFile, PhaseFile}
	for i, name := range order {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, name, "inside"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := r.Save(dir, ""); err == nil {
			t.Errorf("%s was written over a directory", name)
		}
		want := slices.Sorted(slices.Values(order[:i+1])) // those before it are whole, no piece of a file lies about
		if got := names(t, dir); !slices.Equal(got, want) {
			t.Errorf("failing at %s leaves %v, want %v", name, got, want)
		}
		if i > 0 {
			file, err := npz.Open(filepath.Join(dir, ObjectFile))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := file.Complex64("object"); err != nil {
				t.Error(err)
			}
			_ = file.Close()
		}
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.Save(filepath.Join(blocked, "out"), ""); err == nil {
		t.Error("an output directory was made inside a file")
	}
}
