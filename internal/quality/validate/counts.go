package validate

import (
	"fmt"

	"ptyx/internal/scan/dataset"
)

// counts looks for counts read as amplitudes, or the reverse. Only whole numbers decide: square roots of counts are
// whole for square counts only, and squares of counts are no counts.
func counts(x *exam) []Finding {
	if x.broken() || len(x.top.values) == 0 || !(x.top.values[0] > 2) {
		return nil
	}
	switch {
	case x.scan.Input == dataset.Amplitude && x.integers:
		return []Finding{{
			Severity: Error, Key: x.key,
			Found:    fmt.Sprintf("whole numbers up to %g taken for amplitudes: photon counts", x.top.values[0]),
			Expected: "amplitudes, the square roots of counts",
			Fix:      "use --input intensity, or save numpy.sqrt(counts)",
		}}
	case x.scan.Input == dataset.Intensity && x.roots && !x.integers:
		return []Finding{{
			Severity: Error, Key: x.key, Found: "square roots of whole numbers taken for counts: amplitudes",
			Expected: "counts", Fix: "use --input amplitude",
		}}
	}
	return nil
}
