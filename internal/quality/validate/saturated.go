package validate

import (
	"fmt"
	"slices"
)

// pileUp is how often the largest value must occur, at least, for saturation.
const pileUp = 10

// saturated looks for a largest value that occurs so often that the detector could not count further: more often than
// all of the next 20 levels together, and in several pixels. Small counts have few levels, each more frequent than the
// one above.
func saturated(x *exam) []Finding {
	if x.power == 0 {
		return nil
	}
	hot := x.hotPixels()
	clipped := 0 // pixels
	for i, count := range x.peaks {
		if count > 0 && !slices.Contains(hot, i) {
			clipped++
		}
	}
	if clipped < 2 || x.top.counts[0] < pileUp || len(x.top.values) <= kept {
		return nil
	}
	next := 0
	for _, count := range x.top.counts[1:] {
		next += count
	}
	if x.top.counts[0] <= next {
		return nil
	}
	return []Finding{{
		Severity: Warning, Key: x.key,
		Found: fmt.Sprintf("the largest value, %g, %d times in %d %s: saturated",
			x.top.values[0], x.top.counts[0], clipped, plural(clipped, "pixel")),
		Expected: "a largest value that occurs once or a few times",
		Fix:      "measure with less light or a beam stop, or merge exposures",
	}}
}
