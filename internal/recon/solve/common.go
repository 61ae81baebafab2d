package solve

import (
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// LeastCommonLight is the CommonLight below which the patterns of a scan cannot separate a change of the probe from one
// of the object: a fit of both then makes a right probe worse (docs/dev/decisions.md). A disk has it at a step of 0.9
// diameters in a hexagonal grid.
const LeastCommonLight = 0.25

// commonPatterns is the largest number of patterns whose neighbours CommonLight sums over.
const commonPatterns = 256

// CommonLight is how much of the object patterns at (x, y), in object pixels, see together behind a probe (N, N), or
// the first of its modes (K, N, N). It is the median over patterns of the sum of A (1 - A) over their neighbours. A is
// the share of light in common: the autocorrelation of |P|^2 at their distance, 1 at 0. A repeated pattern adds
// nothing, because it shows the same.
func CommonLight(x, y []float64, probe *ndarray.Complex64) float64 {
	n := probe.Shape[len(probe.Shape)-1]
	share := autocorrelation(probe)
	var sums []float64
	for _, i := range Central(x, y, commonPatterns) {
		sum := 0.0
		for j := range x {
			dy, dx := int(math.Round(y[j]-y[i])), int(math.Round(x[j]-x[i]))
			if max(dy, -dy, dx, -dx) < n {
				a := share[wrap(dy, 2*n)*2*n+wrap(dx, 2*n)]
				sum += a * (1 - a)
			}
		}
		sums = append(sums, sum)
	}
	if len(sums) == 0 {
		return 0
	}
	slices.Sort(sums)
	return sums[len(sums)/2]
}

// autocorrelation is that of |P|^2 of the first mode, (2N, 2N), cyclic, 1 at distance 0; all 0 if it is dark.
func autocorrelation(probe *ndarray.Complex64) []float64 {
	n := probe.Shape[len(probe.Shape)-1]
	light, fft := make([]complex128, 4*n*n), spectrum.NewTransform(2*n, 2*n)
	for r := range n {
		for c, v := range probe.Data[r*n:][:n] {
			re, im := float64(real(v)), float64(imag(v))
			light[2*r*n+c] = complex(re*re+im*im, 0)
		}
	}
	fft.Forward(light)
	for i, v := range light {
		light[i] = complex(real(v)*real(v)+imag(v)*imag(v), 0)
	}
	fft.Inverse(light)
	share := make([]float64, len(light))
	for i, v := range light {
		share[i] = ratio(real(v), real(light[0]))
	}
	return share
}
