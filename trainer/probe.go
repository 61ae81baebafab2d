package trainer

import (
	"math"

	"ptyx/internal/ndarray"
)

// splitProbe scales a probe to power N^2 and returns its real and imaginary parts: with it, an empty object gives an
// intensity of mean 1.
func splitProbe(probe *ndarray.Complex64) (re, im *ndarray.Float32) {
	re, im = ndarray.New[float32](probe.Shape...), ndarray.New[float32](probe.Shape...)
	for i, p := range probe.Data {
		re.Data[i], im.Data[i] = real(p), imag(p)
	}
	scalePower(re, im)
	return re, im
}

// scalePower scales a complex array in two parts to a power of one per pixel.
func scalePower(re, im *ndarray.Float32) {
	power := 0.0
	for i := range re.Data {
		power += float64(re.Data[i])*float64(re.Data[i]) + float64(im.Data[i])*float64(im.Data[i])
	}
	scale := float32(math.Sqrt(float64(len(re.Data)) / power))
	for i := range re.Data {
		re.Data[i] *= scale
		im.Data[i] *= scale
	}
}

// normaliseProbe keeps the probe's power while it learns: otherwise probe and object amplitude could trade a factor.
func (s *State) normaliseProbe() { scalePower(s.ProbeRe, s.ProbeIm) }

// probeInCounts scales a probe of power N^2 so that |FFT2(P O)|^2 / N^2 of it is in photons, when a mean pattern, of
// intensity 1 per pixel on average, has the given number of photons.
func probeInCounts(re, im *ndarray.Float32, photons float64) *ndarray.Complex64 {
	probe := ndarray.New[complex64](re.Shape...)
	scale := float32(math.Sqrt(photons / float64(len(re.Data))))
	for i := range probe.Data {
		probe.Data[i] = complex(re.Data[i]*scale, im.Data[i]*scale)
	}
	return probe
}
