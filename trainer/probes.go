package trainer

import (
	"math"
	"strings"

	"ptyx/internal/base/ndarray"
)

// light is the brightness of the scans. One constant scales the network's input for all scans, because a deployed model
// applies one. A scan brighter or darker than the mean has, as in the experiment, a probe of more or less power.
type light struct {
	power    float64   // sum of squared amplitudes, mean over all patterns
	exposure []float64 // mean power of each scan relative to power
}

// light measures the scans.
func (l scans) light() (light, error) {
	var out light
	patterns := 0
	for _, s := range l {
		power, err := s.MeanPower()
		if err != nil {
			return light{}, err
		}
		patterns += s.M
		out.power += (power - out.power) * float64(s.M) / float64(patterns) // exact for a single scan
		out.exposure = append(out.exposure, power)
	}
	for i := range out.exposure {
		out.exposure[i] /= out.power
	}
	return out, nil
}

// probes lists the scans' probes as their files give them, (N, N).
func (l scans) probes() []*ndarray.Complex64 {
	var probes []*ndarray.Complex64
	for _, s := range l {
		probes = append(probes, s.Probe)
	}
	return probes
}

// DataDigest identifies the scans: the SHA-256 of patterns, positions and probe of each.
func (r Request) DataDigest() (string, error) { return scans(r.Scans).digest() }

// digest identifies the data of a training: each scan's digest, in order.
func (l scans) digest() (string, error) {
	var digests []string
	for _, s := range l {
		digest, err := s.ContentDigest()
		if err != nil {
			return "", err
		}
		digests = append(digests, digest)
	}
	return strings.Join(digests, " "), nil
}

// input is what the files hold: "amplitude", "intensity", or "mixed".
func (l scans) input() string {
	for _, s := range l {
		if s.Input != l[0].Input {
			return "mixed"
		}
	}
	return string(l[0].Input)
}

// scaledProbes scales the scans' probes for the step: to a power of N^2 times the exposure, so that an empty object
// gives the scan's mean intensity. Their shape is (N, N) for a single scan, else (P, N, N).
func scaledProbes(probes []*ndarray.Complex64, exposure []float64) (re, im *ndarray.Float32) {
	n := probes[0].Shape[0]
	shape := []int{n, n}
	if len(probes) > 1 {
		shape = []int{len(probes), n, n}
	}
	re, im = ndarray.New[float32](shape...), ndarray.New[float32](shape...)
	for i, probe := range probes {
		for k, p := range probe.Data {
			re.Data[i*n*n+k], im.Data[i*n*n+k] = real(p), imag(p)
		}
	}
	scalePowers(re, im, exposure)
	return re, im
}

// normaliseProbe restores the probes' power after an update: otherwise probe and object amplitude could trade a factor.
func (s *State) normaliseProbe() { scalePowers(s.ProbeRe, s.ProbeIm, s.Exposure) }

// scalePowers scales each of P complex arrays, (P, N, N), to a mean power per pixel of its exposure.
func scalePowers(re, im *ndarray.Float32, exposure []float64) {
	size := len(re.Data) / len(exposure)
	for i, e := range exposure {
		re, im := re.Data[i*size:(i+1)*size], im.Data[i*size:(i+1)*size]
		power := 0.0
		for k := range re {
			power += float64(re[k])*float64(re[k]) + float64(im[k])*float64(im[k])
		}
		scale := float32(math.Sqrt(e * float64(size) / power))
		for k := range re {
			re[k] *= scale
			im[k] *= scale
		}
	}
}

// probesInCounts scales probes so that |FFT2(P O)|^2 / N^2 is in photons, where a pattern of mean intensity 1 has the
// given number of photons.
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
