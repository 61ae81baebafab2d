package watch

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestGaps: whatever the order of the ids, the gaps are the ids that were not seen.
func TestGaps(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var g gaps
		seen, largest := map[int64]bool{}, int64(-1)
		for range rng.IntN(60) {
			id := rng.Int64N(50)
			g.see(id)
			seen[id], largest = true, max(largest, id)
		}
		var want, got []int64
		for id := range largest + 1 {
			if !seen[id] {
				want = append(want, id)
			}
		}
		for _, r := range g.ranges {
			if r[0] >= r[1] {
				t.Fatalf("an empty gap in %v", g.ranges)
			}
			for id := r[0]; id < r[1]; id++ {
				got = append(got, id)
			}
		}
		if !slices.Equal(got, want) || g.next != largest+1 {
			t.Fatalf("gaps %v below %d, want %v below %d", got, g.next, want, largest+1)
		}
	}
}

func TestGapsAsText(t *testing.T) {
	var g gaps
	if text := g.String(); text != "" {
		t.Errorf("no gaps are %q", text)
	}
	for _, id := range []int64{0, 2, 6, 8, 10, 12, 14, 16, 18} {
		g.see(id)
	}
	if text, want := g.String(), "1, 3-5, 7, 9, 11, 13 and 2 more gaps"; text != want {
		t.Errorf("the gaps are %q, want %q", text, want)
	}
}
