package dataset

import (
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz/npztest"
)

// TestRasters: patterns (A, B, H, W) are read row by row, and two axes give the positions of all points.
func TestRasters(t *testing.T) {
	flat := counts(6, 64, 64)
	raster := ndarray.Wrap(flat.Data, 2, 3, 64, 64)
	three, two := ndarray.Wrap([]float32{0, 10, 20}, 3), ndarray.Wrap([]float32{0, 5}, 2)
	grid := func(values ...float32) *ndarray.Float32 { return ndarray.Wrap(values, 2, 3) }
	fastX, slowY := []float64{0, 10, 20, 0, 10, 20}, []float64{0, 0, 0, 5, 5, 5}
	for name, tt := range map[string]struct {
		patterns, x, y *ndarray.Float32
		wantX, wantY   []float64
	}{
		"x fast":             {raster, three, two, fastX, slowY},
		"x slow":             {raster, two, three, slowY, fastX},
		"a list of patterns": {flat, three, two, fastX, slowY},
		"grids":              {raster, grid(0, 10, 20, 0, 10, 20), grid(0, 0, 0, 5, 5, 5), fastX, slowY},
	} {
		path := container{"a/p": tt.patterns, "a/x_px": tt.x, "a/y_px": tt.y, "probe": probeOfOnes(64, 64)}.file(t,
			"raster.h5")
		s := mustOpen(t, path, View{Patterns: "a/p", X: "a/x_px", Y: "a/y_px", PositionsFile: "", Unit: "px"})
		if s.M != 6 || !closeTo(s.X, tt.wantX) || !closeTo(s.Y, tt.wantY) {
			t.Errorf("%s: %d patterns at %v, %v", name, s.M, s.X, s.Y)
		}
	}
	_, _, err := openView(t, container{"a/p": flat, "a/x": three, "a/y": three}.file(t, "few.h5"),
		View{Patterns: "a/p", X: "a/x", Y: "a/y", Unit: "px"})
	if err == nil || !strings.Contains(err.Error(), "3 positions, expected at least 6") {
		t.Errorf("as many rows as columns, and another number of patterns: %v", err)
	}
	_, _, err = openView(t, container{"a/p": flat, "a/x": numbersTo(4), "a/y": three}.file(t, "wrong.h5"),
		View{Patterns: "a/p", X: "a/x", Y: "a/y", Unit: "px"})
	if err == nil || !strings.Contains(err.Error(), "two axes of a raster of 6 patterns") {
		t.Errorf("axes of another raster: %v", err)
	}
}

func numbersTo(n int) *ndarray.Float32 {
	a := ndarray.New[float32](n)
	for i := range a.Data {
		a.Data[i] = float32(i)
	}
	return a
}

// TestRastersOfNPZ: the same patterns as a list come from a raster of an NPZ file and of an HDF5 file.
func TestRastersOfNPZ(t *testing.T) {
	const m = 6
	values := frames(m, 64)
	list := validScan(m)
	raster := list.with(npztest.Real("scan4d", "<f8", values, 2, 3, 64, 64))
	want := opened(t, 0, list, Options{})
	got := opened(t, 0, raster, Options{View: View{Patterns: "scan4d"}})
	all, err := want.Load()
	if err != nil {
		t.Fatal(err)
	}
	other, err := got.Load()
	if err != nil || !slices.Equal(all.Data, other.Data) {
		t.Errorf("the raster has other patterns (%v)", err)
	}
	a, err := got.Access([]int{4}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	one := make([]float32, 64*64)
	if err := a.Read(4, one); err != nil || !slices.Equal(one, all.Data[4*64*64:5*64*64]) {
		t.Errorf("pattern 4 is another (%v)", err)
	}
}
