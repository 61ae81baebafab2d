package optics_test

import (
	"math"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// TestDiameterOfADisc: the modes of a probe share its light, and its diameter.
func TestDiameterOfADisc(t *testing.T) {
	const n, radius = 64, 11.3
	one, two := ndarray.New[complex64](n, n), ndarray.New[complex64](2, n, n)
	for i := range one.Data {
		if math.Hypot(float64(i/n-n/2), float64(i%n-n/2)) <= radius {
			one.Data[i], two.Data[i], two.Data[n*n+i] = 5, 3i, 4
		}
	}
	for _, probe := range []*ndarray.Complex64{one, two} {
		if got := optics.Diameter(probe); !(math.Abs(got-2*radius) < 0.3) {
			t.Errorf("shape %v: diameter %.2f, want %.2f", probe.Shape, got, 2*radius)
		}
	}
	if got := optics.Light(two)[n*n/2+n/2]; got != 25 {
		t.Errorf("light of both modes %v, want 25", got)
	}
}
