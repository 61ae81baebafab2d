package experiments

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// measure simulates the pattern and brings the probe to its unit.
func (w *workspace) measure(into *Sample) {
	sum := 0.0
	for i, p := range w.probe {
		v := p * complex128(into.Object[i])
		w.wave[i] = v
		sum += real(v)*real(v) + imag(v)*imag(v)
	}
	into.Photons = photons.log(w.Rand)
	unit := into.Photons / sum
	root := complex(float32(math.Sqrt(unit)), 0)
	for i := range into.Probe {
		into.Probe[i] *= root
		into.Light[i] *= float32(unit)
	}
	w.propagator.Intensity(w.wave, w.intensity)
	for i, v := range w.intensity {
		into.Amplitude[i] = float32(math.Sqrt(w.counts(v * unit)))
	}
}

// counts draws from the Poisson distribution of a mean. Above a thousand, a Gaussian has its first two moments and
// differs from it by less than any detector shows.
func (w *workspace) counts(mean float64) float64 {
	const many = 1000
	switch {
	case !(mean > 0):
		return 0
	case mean > many:
		return max(0, math.Round(mean+math.Sqrt(mean)*w.NormFloat64()))
	default:
		return distuv.Poisson{Lambda: mean, Src: w.Rand}.Rand()
	}
}
