package validate

import (
	"fmt"
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/guess"
	"ptyx/internal/scan/dataset"
)

// leastAgreement of the probe as given with the one fitted to the patterns.
const leastAgreement = 0.9

// calibration looks for another probe that explains the patterns much better, and for a probe that changes much when it
// is fitted to the patterns together with the object.
func calibration(x *exam) []Finding {
	if x.trials == nil || x.probe == nil {
		return nil
	}
	if wrong := x.surpassed(); wrong != nil || x.err != nil {
		return wrong
	}
	same := agreement(x.probe, x.trials.fitted)
	if x.facts.Calibrated = finite(same); same >= leastAgreement {
		return nil
	}
	return []Finding{{
		Severity: Warning, Key: dataset.KeyProbe,
		Found: fmt.Sprintf("a probe that the patterns contradict: fitted to them by %d passes of ePIE, another comes "+
			"out, of a complex correlation of %.2f with it", passes, same),
		Expected: fmt.Sprintf("%.1f or more", leastAgreement),
		Fix:      "train with --probe trainable, as is the default, never with --probe fixed",
	}}
}

// surpassed looks for a probe that explains the patterns much better than the given one. If the modulus of the given
// far field is right, only the phase can be wrong, and that is the defocus.
func (x *exam) surpassed() []Finding {
	if x.probe == nil {
		return nil
	}
	better, err := guess.Improve(x.ctx, x.scan, x.probe, x.options.Seed)
	if err != nil {
		x.err = fmt.Errorf("comparing the probe with others: %w", err)
		return nil
	}
	if better.Probe == nil {
		return nil
	}
	cause := "check its pixel size, its width and its defocus"
	if likeness(x.mean, farField(x.probe)) > sameLikeness {
		cause = "check its defocus, as the modulus of its far field is right"
	}
	return []Finding{{
		Severity: Error, Key: dataset.KeyProbe,
		Found: fmt.Sprintf("a probe that leaves the residual %.3g, and one made from the patterns only %.3g",
			better.Given, better.Residual),
		Expected: "a probe that explains the patterns",
		Fix: cause + "; or leave the probe out, and ptyx makes one; if the positions may be wrong, solve with " +
			"--positions",
	}}
}

// agreement is |<a, b>| / (|a| |b|) of two probes.
func agreement(a, b *ndarray.Complex64) float64 {
	var ab complex128
	for i, v := range a.Data {
		ab += cmplx.Conj(complex128(v)) * complex128(b.Data[i])
	}
	return cmplx.Abs(ab) / math.Sqrt(optics.Power(a)*optics.Power(b))
}
