package stream

import (
	"fmt"
	"testing"
)

// TestStreamsDiffer: seed, name, each index and their number decide on the stream.
func TestStreamsDiffer(t *testing.T) {
	t.Parallel()
	first := map[uint64]string{}
	add := func(seed uint64, name string, indices ...int) {
		what := fmt.Sprint(seed, name, indices)
		v := New(seed, name, indices...).Uint64()
		if other, known := first[v]; known {
			t.Errorf("%s and %s start with the same number", what, other)
		}
		first[v] = what
		if again := New(seed, name, indices...).Uint64(); again != v {
			t.Errorf("%s gives %d, then %d", what, v, again)
		}
	}
	for seed := range uint64(20) {
		for _, name := range []string{"", "a", "b", "ab", "a\x00"} {
			add(seed, name)
			for i := -1; i < 20; i++ {
				add(seed, name, i)
				add(seed, name, i, 0)
				add(seed, name, 0, 0, i)
			}
		}
	}
}

// TestStreamsOfNeighboursAreIndependent: numbers of streams whose seed or index differ by one do not correlate.
func TestStreamsOfNeighboursAreIndependent(t *testing.T) {
	t.Parallel()
	const count = 10000
	for lag := 1; lag < 4; lag++ {
		seeds, indices := 0.0, 0.0
		for i := range count {
			here := New(uint64(i), "x", 5).Float64() - 0.5
			seeds += here * (New(uint64(i+lag), "x", 5).Float64() - 0.5)
			here = New(5, "x", i).Float64() - 0.5
			indices += here * (New(5, "x", i+lag).Float64() - 0.5)
		}
		// A correlation of independent numbers has a standard deviation of 1/100; 12 is 1 over the variance.
		for what, sum := range map[string]float64{"seeds": seeds, "indices": indices} {
			if r := 12 * sum / count; r > 0.05 || r < -0.05 {
				t.Errorf("%s %d apart: a correlation of %.3f", what, lag, r)
			}
		}
	}
}
