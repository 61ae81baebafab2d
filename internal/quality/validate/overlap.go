package validate

import "fmt"

const (
	goodOverlap = 0.6 // of the probe's diameter, where ePIE does best (Bunk et al., Ultramicroscopy 108, 481, 2008)

	// LeastOverlap is that of the probe's diameter below which a scan has a finding.
	LeastOverlap = 0.5
)

// overlap compares the distance of neighbouring positions with the probe's diameter.
func overlap(x *exam) []Finding {
	f := x.facts
	if f.Overlap == nil || *f.Overlap >= LeastOverlap {
		return nil
	}
	finding := Finding{
		Severity: Warning, Key: x.scan.PositionsKey(),
		Found: fmt.Sprintf("neighbours %.3g pixels apart under a probe of %.3g pixels: an overlap of %.0f%%",
			*f.Step, *f.Probe, max(0, 100**f.Overlap)),
		Expected: fmt.Sprintf("about %.0f%%", 100*goodOverlap), Fix: "scan in smaller steps, or with a wider probe",
	}
	if *f.Overlap <= 0 {
		finding.Severity = Error
		finding.Fix += "; or the positions are in another unit than object pixels"
	}
	return []Finding{finding}
}
