package trainer

import "ptyx/internal/base/ndarray"

// light is how bright the scans are. The network's input is scaled by one constant for all of them, because a deployed
// model applies one; what a scan is brighter or darker than the mean is, as in the experiment, in the power of its probe.
type light struct {
	power    float64   // mean over all patterns of the sum of squared amplitudes
	exposure []float64 // of each scan: its own mean power against that
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

// probes are the scans' probes as their files give them.
func (l scans) probes() []*ndarray.Complex64 {
	var probes []*ndarray.Complex64
	for _, s := range l {
		probes = append(probes, s.Probe)
	}
	return probes
}

// scaledProbes are the scans' probes as the step has them: scaled to a power of N^2 times the exposure, with which an empty
// object gives an intensity of the scan's mean. Their shape is (N, N) for a single scan, (P, N, N) for several.
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

// digest tells the data of a training from any other: each scan's digest, in order.
func (l scans) digest() (string, error) {
	text := ""
	for i, s := range l {
		digest, err := s.ContentDigest()
		if err != nil {
			return "", err
		}
		if i > 0 {
			text += " "
		}
		text += digest
	}
	return text, nil
}

// input is what the files hold: "amplitude", "intensity", or "mixed".
func (l scans) input() string {
	for _, s := range l {
		if s.Input != l[0].Input {
			return "mixed"
		}
	}
	return l[0].Input.String()
}
