package validate

import (
	"fmt"
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/dataset"
)

// leastAgreement of the probe as given with the one fitted to the patterns.
const leastAgreement = 0.9

// calibration looks for a probe that changes much when it is fitted to the patterns together with the object.
func calibration(x *exam) []Finding {
	if x.trials == nil || x.probe == nil {
		return nil
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

// agreement is |<a, b>| / (|a| |b|) of two probes.
func agreement(a, b *ndarray.Complex64) float64 {
	var ab complex128
	for i, v := range a.Data {
		ab += cmplx.Conj(complex128(v)) * complex128(b.Data[i])
	}
	return cmplx.Abs(ab) / math.Sqrt(optics.Power(a)*optics.Power(b))
}
