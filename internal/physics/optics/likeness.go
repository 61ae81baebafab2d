package optics

import (
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// Likeness compares two probes (N, N) of any power: |<p, q>| / (|p| |q|), 0 to 1, for the shift of one that makes it
// largest, and that shift in pixels. It is 0 for a probe without power.
func Likeness(p, q *ndarray.Complex64) (likeness, shift float64) {
	product, other := farField(p), farField(q)
	for i, v := range other.Data {
		product.Data[i] = cmplx.Conj(product.Data[i]) * v
	}
	product = product.Centre() // low frequencies first
	kr, kc := spectrum.Peak(product)
	product.Ramp(-kr, -kc, 0, 0)
	var sum complex128
	for _, v := range product.Data {
		sum += v
	}
	norm := math.Sqrt(Power(p)*Power(q)) * float64(len(product.Data)) // Parseval
	if norm == 0 {
		return 0, 0
	}
	n := float64(p.Shape[0])
	return cmplx.Abs(sum) / norm, math.Hypot(kr, kc) * n / (2 * math.Pi)
}

// farField is the transform of a probe (N, N), zero frequency first.
func farField(probe *ndarray.Complex64) *spectrum.Field {
	field := spectrum.New(probe.Shape[0], probe.Shape[1])
	for i, v := range probe.Data {
		field.Data[i] = complex128(v)
	}
	field.FFT()
	return field
}
