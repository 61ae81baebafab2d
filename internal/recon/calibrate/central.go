package calibrate

import (
	"cmp"
	"math"
	"slices"
)

// Most is how many patterns take part in a calibration at most: the probe has far fewer unknowns than they have pixels, and a
// calibration costs the same for every scan.
const Most = 512

// Central lists the patterns that take part, the nearest to the middle of the scan, whose patches overlap as all do.
func Central(x, y []float64) []int { return Middle(x, y, Most) }

// Middle lists the count patterns that are nearest to the middle of the scan, or all.
func Middle(x, y []float64, count int) []int {
	members := make([]int, len(x))
	for i := range members {
		members[i] = i
	}
	if len(members) <= count {
		return members
	}
	row, column := middle(y), middle(x)
	distance := func(i int) float64 { return math.Hypot(y[i]-row, x[i]-column) }
	slices.SortFunc(members, func(a, b int) int { return cmp.Or(cmp.Compare(distance(a), distance(b)), cmp.Compare(a, b)) })
	return members[:count]
}

func middle(v []float64) float64 { return (slices.Min(v) + slices.Max(v)) / 2 }
