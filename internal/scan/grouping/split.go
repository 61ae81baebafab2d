package grouping

import (
	"cmp"
	"math"
	"slices"

	"ptyx/internal/base/stream"
)

// Split cuts a fraction of a scan's patterns off for validation: a pattern drawn by the seed and those nearest to it.
// Few of the others are then near enough to share a part of the object with them. Patterns of one position stay
// together. Both parts hold their patterns in order, and at least least of them. Without a fraction above 0, or if the
// positions do not suffice for two such parts, all patterns are for training.
func Split(x, y []float64, fraction float64, least int, seed uint64, scan int) (train, validation []int) {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	if !(fraction > 0) || len(x) < 2*least {
		return order, nil
	}
	centre := stream.New(seed, "grouping/split", scan).IntN(len(x))
	slices.SortFunc(order, func(a, b int) int {
		from := func(i int) float64 { return math.Hypot(x[i]-x[centre], y[i]-y[centre]) }
		return cmp.Or(cmp.Compare(from(a), from(b)),
			cmp.Compare(y[a], y[b]), cmp.Compare(x[a], x[b]), cmp.Compare(a, b))
	})
	wanted := int(math.Round(min(fraction, 1) * float64(len(x))))
	cut := nearestCut(order, x, y, min(max(wanted, least), len(x)-least), least)
	train, validation = order[cut:], order[:cut]
	slices.Sort(train)
	slices.Sort(validation)
	return train, validation
}

// nearestCut is the place nearest to wanted at which the order can be cut without parting patterns of one position,
// with at least least patterns on both sides; 0 if there is none.
func nearestCut(order []int, x, y []float64, wanted, least int) int {
	best := 0
	for cut := least; cut <= len(order)-least; cut++ {
		a, b := order[cut-1], order[cut]
		if (x[a] != x[b] || y[a] != y[b]) && (best == 0 || abs(cut-wanted) < abs(best-wanted)) {
			best = cut
		}
	}
	return best
}

func abs(i int) int { return max(i, -i) }
