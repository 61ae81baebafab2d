package reconstruct

import (
	"cmp"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/optics"
)

// Rules for the exposure of a scan whose frames arrive one by one. A network divides by the power of its probe, so it
// would take a brighter scan for a more transparent object.
const (
	// OtherExposure is the factor by which the mean power of patterns may differ from that of a model's own probe.
	// Within a scan the power of a pattern follows the absorption behind the probe.
	OtherExposure = 1.5
	// ExposedFrames is how many frames state the exposure.
	ExposedFrames = 16
	// ExposureStep is the factor between two powers that the probe may get. The object so rarely depends on which
	// frames came first: their mean would have to lie at the border of two steps.
	ExposureStep = 1.05
)

// Exposure is the factor, a power of ExposureStep, between the power of a probe and the mean power of frames: of the
// ExposedFrames with light that have the lowest ids. patterns are their amplitudes, (M, N, N). If the two powers differ
// by less than tolerance, 1 or more, the factor is 1. lit is false if no frame has light.
func Exposure(ids []int64, patterns []float32, probe *ndarray.Complex64, tolerance float64) (factor float64, lit bool) {
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(ids[i], ids[j]) })
	sum, count, size := 0.0, 0, len(probe.Data)
	for _, i := range order {
		power := 0.0
		for _, d := range patterns[i*size : (i+1)*size] {
			power += float64(d) * float64(d)
		}
		if power > 0 && count < ExposedFrames {
			sum, count = sum+power, count+1
		}
	}
	if count == 0 {
		return 1, false
	}
	ratio := sum / float64(count) / optics.Power(probe)
	if ratio <= tolerance && ratio >= 1/tolerance {
		return 1, true
	}
	return math.Pow(ExposureStep, math.Round(math.Log(ratio)/math.Log(ExposureStep))), true
}

// Scaled is a probe whose power is multiplied by a factor.
func Scaled(probe *ndarray.Complex64, factor float64) *ndarray.Complex64 {
	scaled := probe.Clone()
	optics.NormalisePower(scaled, factor*optics.Power(probe))
	return scaled
}

// Members of a result whose network used another probe than its model's.
const (
	KeyNetworkProbe       = "network_probe"        // where it is from
	KeyNetworkProbeDigest = "network_probe_sha256" // of its complex64 bytes
)

// ScaledSource is where a probe is from that follows the exposure of a scan, after the place where it was.
const ScaledSource = ", scaled to the exposure of the scan"

// NetworkProbe are the members of Result.Extra about the probe of a network, in place of its model's.
func NetworkProbe(source string, probe *ndarray.Complex64) []npz.Member {
	return []npz.Member{
		{Key: KeyNetworkProbe, Value: source}, {Key: KeyNetworkProbeDigest, Value: optics.ProbeDigest(probe)},
	}
}
