package workflow

import (
	"fmt"
	"log/slog"

	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

// Bounds of a reconstruct.Fit; docs/dev/decisions.md has the measurements.
const (
	// mostUnexplained: good scans have at most 0.57 with the general network, 0.13 with one that was trained on them.
	// Scans with a wrong centre, orientation, probe or position have 0.70 to 90 where patterns overlap well.
	mostUnexplained = 0.6
	// mostOfUnknown is the bound where the noise is unknown and counts as unexplained.
	mostOfUnknown = 1
	// leastContrast: 48 patterns of an empty scan have 0.98 to 1.02, those of 1000 photons behind an object 1.08 or
	// more.
	leastContrast = 1.03
)

// known is the measure that a result states: nil if the patterns do not differ enough for one.
func known(fit *reconstruct.Fit) *float64 {
	if fit == nil || !(fit.Contrast > leastContrast) {
		return nil
	}
	return &fit.Unexplained
}

// warnOfFit warns if a network's object does not explain its patterns, or if these show no object.
func warnOfFit(scan *dataset.Scan, fit *reconstruct.Fit, probe ProbeChoice, log *slog.Logger) {
	if fit == nil {
		return
	}
	log.Debug("fit to the patterns", "scan", scan.Path, "unexplained", fit.Unexplained, "contrast", fit.Contrast)
	if !(fit.Contrast > leastContrast) {
		log.Warn("the patterns differ by no more than photon noise, so the object shows nothing: check that the scan "+
			"lies on the specimen, or measure longer", "scan", scan.Path)
		return
	}
	bound := mostUnexplained
	if !fit.Counted {
		bound = mostOfUnknown
	}
	if fit.Unexplained <= bound {
		return
	}
	remedy := "check the scan with ptyx validate, then train on it or use ptyx solve"
	if probe.Passes == 0 {
		remedy = fmt.Sprintf("fit the probe with --probe-passes %d; if that is not enough, %s", solve.CalibrationPasses,
			remedy)
	}
	log.Warn("the object does not explain its patterns, so do not trust it: "+remedy,
		"scan", scan.Path, "unexplained", fmt.Sprintf("%.2f", fit.Unexplained))
}
