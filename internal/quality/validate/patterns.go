package validate

import (
	"fmt"

	"ptyx/internal/scan/dataset"
)

// layout tells of axes that were not in the contract's order.
func layout(scan *dataset.Scan, o Options) []Finding {
	if o.Layout != dataset.OrientationAuto {
		return nil
	}
	key := scan.PatternsKey()
	switch {
	case scan.Layout() == dataset.FramesLast:
		return []Finding{{
			Severity: Warning, Check: "axes", Key: key, Found: fmt.Sprintf("the patterns counted by the last axis, (%d, %d, %d)", scan.N, scan.N, scan.M),
			Expected: "(M, N, N), the first axis", Fix: "save numpy.transpose(patterns, (2, 0, 1)), or say --layout frames-last",
		}}
	case scan.M == scan.N:
		return []Finding{{
			Severity: Warning, Check: "axes", Key: key, Found: fmt.Sprintf("as many patterns as they have pixels, %d: the shape does not tell which axis counts them", scan.M),
			Expected: "the first, as it is taken", Fix: "say --layout frames-first, or --layout frames-last if it is the last",
		}}
	}
	return nil
}

// values are the pixels that are no measurement, and patterns without light.
func (s *survey) values() []Finding {
	var findings []Finding
	for kind, fix := range []string{
		"replace them by 0 if the detector marks dead pixels so, else drop the patterns",
		"replace them by the mean of their neighbours, or drop the patterns",
		"a background was subtracted too far: clip at 0",
	} {
		b := s.bad[kind]
		if b.count == 0 {
			continue
		}
		name := []string{"NaN", "infinite", "negative"}[kind]
		findings = append(findings, Finding{
			Severity: Error, Check: "values", Key: s.key,
			Found: fmt.Sprintf("%d %s in %d of %d patterns, the first (%v) in pattern %d at row %d, column %d",
				b.count, plural(b.count, name+" pixel"), b.patterns, s.frames, b.value, b.frame, b.row, b.col),
			Expected: "finite numbers of 0 or more", Fix: fix,
		})
	}
	switch dark := s.frames - len(s.light); {
	case dark == s.frames:
		findings = append(findings, Finding{Severity: Error, Check: "dark", Key: s.key, Found: "no light in any pattern", Expected: "some"})
	case dark > 0:
		findings = append(findings, Finding{
			Severity: Warning, Check: "dark", Key: s.key, Found: fmt.Sprintf("%d of %d patterns without any light", dark, s.frames),
			Expected: "some light in each", Fix: "drop them with their positions",
		})
	}
	return findings
}

// kind tells of counts that are taken for amplitudes, or the other way round. Only whole numbers are sure: the square roots of
// counts are whole for square counts only, and squares of counts are no counts.
func (s *survey) kind(scan *dataset.Scan) []Finding {
	if s.broken() || len(s.top.values) == 0 || !(s.top.values[0] > 2) {
		return nil
	}
	switch {
	case scan.Input == dataset.Amplitude && s.whole:
		return []Finding{{
			Severity: Error, Check: "counts", Key: s.key, Found: fmt.Sprintf("whole numbers up to %g taken for amplitudes: photon counts", s.top.values[0]),
			Expected: "amplitudes, the square roots of counts", Fix: "say --input intensity, or save numpy.sqrt(counts)",
		}}
	case scan.Input == dataset.Intensity && s.roots && !s.whole:
		return []Finding{{
			Severity: Error, Check: "counts", Key: s.key, Found: "square roots of whole numbers taken for counts: amplitudes",
			Expected: "counts", Fix: "say --input amplitude",
		}}
	}
	return nil
}

// plural is the word for a number of things.
func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
