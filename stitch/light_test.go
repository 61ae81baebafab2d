package stitch_test

import (
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/stitch"
)

// TestCoverageIsTheLight: a canvas that weights patches by something else than the light has the coverage of one that
// weights them by the light, also while it grows, in its snapshots, its parts, and after a refill.
func TestCoverageIsTheLight(t *testing.T) {
	const n = 16
	s := randomScan(5, n, 30)
	flat := ndarray.New[float32](n, n)
	for i := range flat.Data {
		flat.Data[i] = 1
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	plain, err := stitch.NewGrowing(n, gaussian(n))
	must(err)
	lit, err := stitch.NewGrowing(n, flat)
	must(err)
	must(lit.CountLight(gaussian(n)))
	for i := range s.x {
		for _, c := range []*stitch.Canvas{plain, lit} {
			must(c.Cover(s.x[i:i+1], s.y[i:i+1], nil))
			must(c.Add(i, s.x[i], s.y[i], s.patches[i]))
		}
	}
	want := plain.Coverage()
	if !slices.Equal(lit.Coverage().Data, want.Data) {
		t.Error("another coverage")
	}
	if slices.Equal(lit.Weight().Data, want.Data) {
		t.Error("the weights are the light, which tests nothing")
	}
	snapshot := lit.Snapshot()
	snapshot.Complete()
	if !slices.Equal(snapshot.Coverage.Data, want.Data) {
		t.Error("a snapshot has another coverage")
	}
	top, left := lit.Origin()
	rows, cols := lit.Size()
	values, seen := make([]complex64, rows*cols), make([]float32, rows*cols)
	lit.Look(top, left, rows, cols, 1, values, seen)
	if !slices.Equal(seen, want.Data) {
		t.Error("Look has another coverage")
	}
	again := lit.Emptied()
	for i := range s.x {
		must(again.Refill(s.x[i], s.y[i], s.patches[i]))
	}
	if !slices.Equal(again.Coverage().Data, want.Data) || !slices.Equal(again.Object().Data, lit.Object().Data) {
		t.Error("another coverage or object after a refill")
	}
	if lit.CountLight(gaussian(n)) == nil {
		t.Error("light after the first patch: no error")
	}
}
