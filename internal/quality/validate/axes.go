package validate

import (
	"fmt"

	"ptyx/internal/scan/dataset"
)

// axes looks for pattern axes in another order than the contract's, and for shapes that do not tell the order.
func axes(x *exam) []Finding {
	scan := x.scan
	switch {
	case x.options.Layout == dataset.FramesFirst || x.options.Layout == dataset.FramesLast: // the user decided
	case scan.Layout() == dataset.FramesLast:
		return []Finding{{
			Severity: Warning, Key: scan.PatternsKey(),
			Found:    fmt.Sprintf("the patterns counted by the last axis, (%d, %d, %d)", scan.N, scan.N, scan.M),
			Expected: "(M, N, N), the first axis",
			Fix:      "use --layout frames-last, or save numpy.transpose(patterns, (2, 0, 1))",
		}}
	case scan.M == scan.N:
		return []Finding{{
			Severity: Warning, Key: scan.PatternsKey(),
			Found: fmt.Sprintf(
				"as many patterns as they have pixels, %d: the shape does not tell which axis counts them", scan.M),
			Expected: "the first, as it is taken",
			Fix:      "use --layout frames-first, or --layout frames-last if it is the last",
		}}
	}
	return nil
}
