package guess

import (
	"math"
	"slices"

	"ptyx/internal/physics/spectrum"
	"ptyx/internal/recon/solve"
)

// beamWidth is the width at half intensity, in pixels, of a Gaussian beam whose speckles have the size of those in the
// patterns. The inverse transform of a pattern is the autocorrelation of its exit wave. Behind an object that scatters
// in all directions, the mean square of what differs from the mean pattern is therefore the autocorrelation of the
// beam's intensity (Goodman, Speckle Phenomena in Optics, 5.1). Behind a weak object it is narrower.
func beamWidth(p solve.Amplitudes, measured []bool) float64 {
	square, n := meanSquare(p, measured), p.Side()
	distance := func(i int) float64 { return math.Hypot(float64(i/n-n/2), float64(i%n-n/2)) }
	var far []float64 // the noise of the counts is the same at all distances
	for i, v := range square {
		if distance(i) > 0.45*float64(n) {
			far = append(far, v)
		}
	}
	slices.Sort(far)
	floor, peak := far[len(far)/2], slices.Max(square)
	const seen = 0.02 // of the peak: less is noise
	power, second := 0.0, 0.0
	for i, v := range square {
		if v -= floor; v > seen*(peak-floor) && distance(i) < float64(n)/2 {
			power, second = power+v, second+v*distance(i)*distance(i)
		}
	}
	// An autocorrelation is wider by sqrt(2). The intensity of a Gaussian falls to half at sqrt(ln 2) of its r.m.s.
	// radius.
	const most = 0.6
	return min(max(2*math.Sqrt(math.Ln2*second/(2*max(power, math.SmallestNonzeroFloat64))), 2), most*float64(n))
}

// meanSquare is the mean of |F (I - mean)|^2 over the patterns, (n, n), its middle at [n/2, n/2]. The mean pattern is
// scaled to the light of each.
func meanSquare(p solve.Amplitudes, measured []bool) []float64 {
	m, n := p.Count(), p.Side()
	size := n * n
	mean := make([]float64, size)
	for i, d := range p.Data {
		mean[i%size] += float64(d) * float64(d) / float64(m)
	}
	light, transform := sum(mean), spectrum.NewTransform(n, n)
	difference, out := make([]complex128, size), make([]float64, size)
	for k := range m {
		pattern, power := p.Data[k*size:(k+1)*size], 0.0
		for _, d := range pattern {
			power += float64(d) * float64(d)
		}
		for i, d := range pattern {
			difference[i] = complex(float64(d)*float64(d)-mean[i]*power/light, 0)
			if measured != nil && !measured[i] {
				difference[i] = 0
			}
		}
		transform.Forward(difference)
		for i, v := range difference {
			at := (i/n+n/2)%n*n + (i%n+n/2)%n
			out[at] += real(v)*real(v) + imag(v)*imag(v)
		}
	}
	return out
}
