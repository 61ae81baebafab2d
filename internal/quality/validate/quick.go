package validate

import (
	"context"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/dataset"
)

const (
	quickPatterns = 256     // of a scan that Quick reads
	quickPixels   = 1 << 20 // of these patterns at most
	meanPatterns  = 16      // that make a mean pattern whose centre is known to a few pixels
)

// Quick looks at the first patterns and the positions of an open scan, in a tenth of a second or so, and returns faults
// that would spoil a reconstruction. probe is the one to compare with, (N, N), or nil. Patterns that cannot be read
// give no finding: whatever reads them next reports it.
func Quick(ctx context.Context, scan *dataset.Scan, probe *ndarray.Complex64) []Finding {
	count := min(scan.M, quickPatterns, max(1, quickPixels/(scan.N*scan.N)))
	s, err := newSurvey(ctx, scan, count)
	if err != nil || s.broken() {
		return nil
	}
	x := &exam{survey: s, ctx: ctx, scan: scan, probe: probe, report: &Report{}}
	x.facts = newFacts(scan, probe, s)
	for _, c := range checks() {
		if c.quick == none || x.report.reports(c.unless...) {
			continue
		}
		for _, f := range named(c.name, c.find(x)) {
			if c.quick == all || f.Severity == Error {
				x.report.Findings = append(x.report.Findings, f)
			}
		}
	}
	return x.report.Findings
}
