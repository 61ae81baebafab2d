package trainer

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/models"
)

// A network that holds the probe of one scan loses about 0.02 of its correlation on a scan whose probe has this
// likeness, or is shifted this far: see docs/dev/decisions.md.
const (
	leastLikeness = 0.975
	largestShift  = 2.0 // pixels
)

// checkProbes refuses scans of unlike probes, (N, N) each, for a network that computes with the probe of the first scan.
func (t *training) checkProbes(probes []*ndarray.Complex64) error {
	r := t.request
	if r.Config.Network != models.Estimate || r.Resume != "" {
		return nil
	}
	for i, probe := range probes[1:] {
		scan, least := r.Scans[i+1], leastLikeness
		if r.Config.learnsProbe() && r.Config.ProbePasses > 0 {
			least -= t.calibrationNoise(0) + t.calibrationNoise(i+1)
		}
		likeness, shift := optics.Likeness(probes[0], probe)
		r.Log.Debug("probes compared", "scan", scan.Path, "likeness", likeness, "least", least, "shift", shift)
		if likeness < least || shift > largestShift {
			return &badinput.Error{
				File: scan.Path, Key: dataset.KeyProbe,
				Found: fmt.Sprintf("a probe unlike that of %s (likeness %.3f, shift %.1f pixels)",
					r.Scans[0].Path, likeness, shift),
				Expected: fmt.Sprintf("%.3f or more and at most %.0f pixels, because --network estimate uses the "+
					"probe of the first scan", least, largestShift),
				Remedy: "train on each scan alone, or take --network pattern",
			}
		}
	}
	return nil
}

// calibrationNoise is how much likeness the noise of a scan's calibration may cost: its probe has N^2 unknowns, found
// from so many photons. Twice their ratio is above what was measured from 5e4 to 3e8 photons.
func (t *training) calibrationNoise(scan int) float64 {
	r := t.request
	patterns := math.Min(float64(r.Scans[scan].M), solve.CalibrationPatterns)
	unknowns := float64(r.Config.N * r.Config.N)
	return math.Min(0.2, 2*unknowns/(patterns*t.photons()*t.light.exposure[scan]))
}
