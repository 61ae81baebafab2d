package trainer

import (
	"math"

	"ptyx/internal/base/ndarray"
)

// scalePowers scales one complex array or several, in two parts, each to a mean power of its exposure per pixel.
func scalePowers(re, im *ndarray.Float32, exposure []float64) {
	size := len(re.Data) / len(exposure)
	for i, e := range exposure {
		scalePower(re.Data[i*size:(i+1)*size], im.Data[i*size:(i+1)*size], e)
	}
}

func scalePower(re, im []float32, exposure float64) {
	power := 0.0
	for i := range re {
		power += float64(re[i])*float64(re[i]) + float64(im[i])*float64(im[i])
	}
	scale := float32(math.Sqrt(exposure * float64(len(re)) / power))
	for i := range re {
		re[i] *= scale
		im[i] *= scale
	}
}

// normaliseProbe keeps the probes' power while they learn: otherwise probe and object amplitude could trade a factor.
func (s *State) normaliseProbe() { scalePowers(s.ProbeRe, s.ProbeIm, s.Exposure) }

// probesInCounts scales probes so that |FFT2(P O)|^2 / N^2 is in photons, when a mean pattern of all scans, of intensity 1
// per pixel on average, has the given number of photons.
func probesInCounts(re, im *ndarray.Float32, photons float64) []*ndarray.Complex64 {
	n := re.Shape[len(re.Shape)-1]
	scale := float32(math.Sqrt(photons / float64(n*n)))
	var probes []*ndarray.Complex64
	for start := 0; start < len(re.Data); start += n * n {
		probe := ndarray.New[complex64](n, n)
		for i := range probe.Data {
			probe.Data[i] = complex(re.Data[start+i]*scale, im.Data[start+i]*scale)
		}
		probes = append(probes, probe)
	}
	return probes
}
