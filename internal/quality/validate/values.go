package validate

import "fmt"

// values looks for pixels that are no measurement: NaN, infinite or negative.
func values(x *exam) []Finding {
	var findings []Finding
	for kind, text := range [...]struct{ name, fix string }{
		kindNaN:      {"NaN", "replace them by 0 if the detector marks dead pixels so, else drop the patterns"},
		kindInf:      {"infinite", "replace them by the mean of their neighbours, or drop the patterns"},
		kindNegative: {"negative", "a background was subtracted too far: clip at 0"},
	} {
		if b := x.bad[kind]; b.count > 0 {
			findings = append(findings, Finding{
				Severity: Error, Key: x.key,
				Found: fmt.Sprintf("%d %s in %d of %d patterns, the first (%v) in pattern %d at row %d, column %d",
					b.count, plural(b.count, text.name+" pixel"), b.patterns, x.frames, b.value, b.frame, b.row, b.col),
				Expected: "finite numbers of 0 or more", Fix: text.fix,
			})
		}
	}
	return findings
}
