package optics

import "math"

// ShotNoise is the mean of (sqrt(n) - sqrt(mean))^2 for counts n of a Poisson distribution: how far measured amplitudes
// are from the right ones. It is close to the mean where that is small, and to 1/4 above a few counts.
func ShotNoise(mean float64) float64 {
	const last = len(shotNoise) - 1
	at := math.Sqrt(max(0, mean)) * shotDensity
	if !(at < float64(last)) {
		return 0.25 + 7/(64*mean) // the first terms for many counts
	}
	i := int(at)
	return shotNoise[i] + (at-float64(i))*(shotNoise[i+1]-shotNoise[i])
}

// shotDensity is the entries of the table per unit of amplitude.
const shotDensity = 32

// shotNoise is the table over amplitudes up to 6.
var shotNoise = func() (table [6*shotDensity + 1]float64) {
	for i := range table {
		amplitude := float64(i) / shotDensity
		mean, p := amplitude*amplitude, math.Exp(-amplitude*amplitude)
		for n := range 120 {
			d := math.Sqrt(float64(n)) - amplitude
			table[i] += p * d * d
			p *= mean / float64(n+1)
		}
	}
	return table
}()
