// Package testutil holds helpers of tests: closeness that fails on NaN, seeded random arrays, a certificate, a
// terminal, child processes.
package testutil

import (
	"math"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
)

// Close reports whether |got - want| is at most abs + rel |want|. A NaN on either side is never close.
func Close(got, want, abs, rel float64) bool {
	return math.Abs(got-want) <= abs+rel*math.Abs(want)
}

// CheckClose compares two arrays element by element and reports the first three faults. The tolerance is relative to
// the largest magnitude of want, as the errors of sums are.
func CheckClose(t testing.TB, what string, got, want []float32, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	scale := 0.0
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	faults := 0
	for i := range got {
		if !Close(float64(got[i]), float64(want[i]), tol*max(scale, 1e-30), 0) {
			if faults++; faults <= 3 {
				t.Errorf("%s: element %d is %g, want %g (tolerance %g of %g)", what, i, got[i], want[i], tol, scale)
			}
		}
	}
	if faults > 3 {
		t.Errorf("%s: %d of %d elements differ", what, faults, len(got))
	}
}

// Uniform is an array of random values in [low, high) from a seed.
func Uniform(seed uint64, low, high float64, shape ...int) *ndarray.Float32 {
	rng := stream.New(seed, "testutil/uniform")
	a := ndarray.New[float32](shape...)
	for i := range a.Data {
		a.Data[i] = float32(low + (high-low)*rng.Float64())
	}
	return a
}
