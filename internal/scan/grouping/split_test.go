package grouping

import (
	"math"
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		count, least int
		fraction     float64
		validation   int
	}{
		{100, 1, 0.1, 10}, {100, 1, 0, 0}, {100, 1, -1, 0}, {100, 1, math.NaN(), 0}, {3, 1, 0.01, 1}, {3, 1, 1, 2},
		{3, 1, 7, 2}, {1, 1, 0.5, 0}, {0, 1, 0.5, 0}, {10, 1, 0.25, 3}, {100, 4, 0.01, 4}, {8, 4, 0.05, 4},
		{7, 4, 0.5, 0}, {10, 4, 0.9, 6},
	} {
		x, y := random(tt.count, 50), reversed(random(tt.count, 40))
		for seed := range uint64(5) {
			train, validation := Split(x, y, tt.fraction, tt.least, seed, 0)
			if len(validation) != tt.validation || !slices.IsSorted(train) || !slices.IsSorted(validation) {
				t.Errorf("%+v: %d validate", tt, len(validation))
			}
			all := slices.Sorted(slices.Values(slices.Concat(train, validation)))
			if !slices.Equal(all, slices.Concat(Singles(tt.count)...)) {
				t.Errorf("%+v: parts %v and %v", tt, train, validation)
			}
		}
	}
}

// TestSplitCutsAPatch: the patterns set aside lie within a circle that holds no other.
func TestSplitCutsAPatch(t *testing.T) {
	t.Parallel()
	x, y := random(300, 100), reversed(random(300, 80))
	seen := map[int]bool{}
	for seed := range uint64(20) {
		train, validation := Split(x, y, 0.1, 1, seed, 3)
		within := func(ids []int, centre int) (near, far float64) {
			near = math.Inf(1)
			for _, id := range ids {
				d := math.Hypot(x[id]-x[centre], y[id]-y[centre])
				near, far = min(near, d), max(far, d)
			}
			return near, far
		}
		if !slices.ContainsFunc(validation, func(centre int) bool {
			_, radius := within(validation, centre)
			next, _ := within(train, centre)
			return radius < next
		}) {
			t.Errorf("seed %d: %v is no patch", seed, validation)
		}
		seen[validation[0]] = true
	}
	if len(seen) < 5 {
		t.Errorf("20 seeds cut %d different patches", len(seen))
	}
	_, first := Split(x, y, 0.1, 1, 1, 0)
	if _, second := Split(x, y, 0.1, 1, 1, 1); slices.Equal(first, second) {
		t.Error("two scans have their patches at the same place")
	}
}

// TestSplitKeepsAPositionTogether: of patterns measured at one position, all are in one part.
func TestSplitKeepsAPositionTogether(t *testing.T) {
	t.Parallel()
	x, y := raster(6, 5)
	x, y = slices.Concat(x, x, x), slices.Concat(y, y, y)
	for seed := range uint64(20) {
		train, validation := Split(x, y, 0.2, 4, seed, 0)
		if len(validation) != 18 {
			t.Errorf("%d of 90 validate", len(validation))
		}
		for _, a := range train {
			for _, b := range validation {
				if x[a] == x[b] && y[a] == y[b] {
					t.Fatalf("patterns %d and %d of one position are parted", a, b)
				}
			}
		}
	}
	one := make([]float64, 9)
	if train, validation := Split(one, one, 0.5, 1, 1, 0); len(train) != 9 || len(validation) != 0 {
		t.Errorf("one position is parted: %v and %v", train, validation)
	}
}
