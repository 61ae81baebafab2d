package optics

import (
	"math"

	"ptyx/internal/base/ndarray"
)

// Diameter is that of a disc of even light with the probe's sum |P|^2 and sum |P|^4, in pixels. For a gaussian it is
// the width at 1/e^2. The probe is (N, N), or modes (K, N, N), whose light adds up. It is NaN for a probe without
// light.
func Diameter(probe *ndarray.Complex64) float64 {
	sum, squares := 0.0, 0.0
	for _, v := range Light(probe) {
		sum, squares = sum+v, squares+v*v
	}
	return 2 * math.Sqrt(sum*sum/squares/math.Pi)
}

// Light is |P|^2 of a probe (N, N), or the sum of its modes (K, N, N), as (N, N).
func Light(probe *ndarray.Complex64) []float64 {
	n := probe.Shape[len(probe.Shape)-1]
	light := make([]float64, n*n)
	for i, v := range probe.Data {
		light[i%(n*n)] += float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))
	}
	return light
}
