package validate

import (
	"fmt"

	"ptyx/internal/scan/grouping"
)

// isolated looks for positions without a neighbour within the probe's diameter.
func isolated(x *exam) []Finding {
	f := x.facts
	if f.Overlap == nil || *f.Overlap <= 0 {
		return nil
	}
	count := 0
	for _, d := range grouping.Distances(x.scan.X, x.scan.Y) {
		if d > *f.Probe {
			count++
		}
	}
	if count == 0 {
		return nil
	}
	return []Finding{{
		Severity: Warning, Key: x.scan.PositionsKey(),
		Found: fmt.Sprintf("%d of %d positions farther from all others than the probe is wide, %.3g pixels",
			count, x.scan.M, *f.Probe),
		Expected: "overlapping neighbours", Fix: "look for wrong positions, or drop these patterns",
	}}
}
