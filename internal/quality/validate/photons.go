package validate

import "fmt"

// fewPhotons in a pattern leave little but noise: docs/which.md has correlations with 1000, and docs/troubleshooting.md
// shows 50.
const fewPhotons = 300

// photons looks for patterns of very few counts. Only whole numbers, or their roots, are known to be counts.
func photons(x *exam) []Finding {
	mean := x.power / float64(x.frames)
	if x.power == 0 || !(x.integers || x.roots) || mean >= fewPhotons {
		return nil
	}
	return []Finding{{
		Severity: Warning, Key: x.key, Found: fmt.Sprintf("%.3g photons in a mean pattern", mean),
		Expected: fmt.Sprintf("%d or more", fewPhotons),
		Fix:      "count longer; if the numbers are no photon counts, save them divided by the counts of one photon",
	}}
}
