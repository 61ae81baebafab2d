package validate

import (
	"fmt"
	"slices"
)

// enoughFrames is the least number of patterns that shows a dead pixel. With fewer, a pixel may be dark by chance: one
// of 4096 pixels that are lit every other time stays dark in 24 patterns with a probability of 4096 / 2^24.
const enoughFrames = 24

// dead looks for pixels that were dark in every pattern while their neighbours, by the median, were lit in half of
// them.
func dead(x *exam) []Finding {
	if x.power == 0 || x.frames < enoughFrames {
		return nil
	}
	var found []int
	for i, lit := range x.lit {
		if lit > 0 {
			continue
		}
		var around []int
		for _, j := range x.neighbours(i) {
			around = append(around, x.lit[j])
		}
		if slices.Sort(around); 2*around[len(around)/2] >= x.frames {
			found = append(found, i)
		}
	}
	if len(found) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Warning, Key: x.key,
		Found: fmt.Sprintf("%d %s that never saw light among lit neighbours: %s",
			len(found), plural(len(found), "dead pixel"), x.list(found)),
		Expected: "none: the physics takes their zeros for darkness", Fix: "replace each by the mean of its neighbours",
	}}
}
