package simulate_test

import (
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
)

// A seed keeps its meaning: testdata/scan.npz, made by testdata/make.sh, comes out again. Where a processor rounds an
// intensity otherwise, in the last digit of float64, a count may fall to the other side of its draw: one pixel in a
// thousand is let off.
func TestGoldenScanIsReproduced(t *testing.T) {
	file, err := dataset.Open("../../../testdata/scan.npz", dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want, err := file.Load()
	if err != nil {
		t.Fatal(err)
	}
	got, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Star, Absorption: 0.4, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Raster, Count: 9, Step: 8, Photons: 1e3, Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !ndarray.SameShape(got.Patterns.Shape, want.Shape) {
		t.Fatalf("patterns %v, want %v", got.Patterns.Shape, want.Shape)
	}
	differ := 0
	for i, v := range want.Data {
		if !(got.Patterns.Data[i] == v) {
			differ++
		}
	}
	if differ > len(want.Data)/1000 {
		t.Errorf("%d of %d pixels differ", differ, len(want.Data))
	}
	checkWaves(t, "probe", got.Probe, file.Probe)
	checkWaves(t, "object", got.Object, file.Object)
}

// checkWaves compares to what complex64 resolves.
func checkWaves(t *testing.T, what string, got, want *ndarray.Complex64) {
	t.Helper()
	if want == nil || !ndarray.SameShape(got.Shape, want.Shape) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	part := func(a *ndarray.Complex64, f func(complex64) float32) []float32 {
		out := make([]float32, len(a.Data))
		for i, v := range a.Data {
			out[i] = f(v)
		}
		return out
	}
	re, im := func(v complex64) float32 { return real(v) }, func(v complex64) float32 { return imag(v) }
	testutil.CheckClose(t, what+", real part", part(got, re), part(want, re), 1e-6)
	testutil.CheckClose(t, what+", imaginary part", part(got, im), part(want, im), 1e-6)
}
