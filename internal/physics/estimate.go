package physics

import (
	"math"
	"math/cmplx"

	"ptyx/internal/ndarray"
	"ptyx/internal/spectrum"
)

// Estimate turns a pattern into a first estimate of the object, which is what ePIE's first step makes of an empty one: the
// pattern gets the phase of the probe's far field, is propagated back, and is compared with the probe,
//
//	u = Gain (F^-1 {d Phase} - P),   Gain = P* / (|P|^2 + floor),
//
// so that u is about O - 1 where the probe is bright and tends to 0 where it is dark. All arrays are (N, N); the estimate is
// linear in the pattern.
type Estimate struct {
	Phase  *ndarray.Complex64 // of the probe's far field, zero frequency at [N/2, N/2], modulus 1; 0 where that is dark
	Gain   *ndarray.Complex64
	Offset *ndarray.Float32 // Gain P, which is real
}

// estimateFloor is Gain's floor in units of the mean of |P|^2. A brighter probe than that is divided out; anything from a
// tenth to twice this gave the same reconstructions.
const estimateFloor = 0.5

// NewEstimate prepares for patterns of power N^2, for which the probe (N, N), of any power, is scaled to the same.
func NewEstimate(probe *ndarray.Complex64) Estimate {
	n := probe.Shape[0]
	scale := math.Sqrt(float64(n*n) / Power(probe))
	e := Estimate{Phase: ndarray.New[complex64](n, n), Gain: ndarray.New[complex64](n, n), Offset: ndarray.New[float32](n, n)}
	for i, v := range probe.Data {
		p := complex128(v) * complex(scale, 0)
		intensity := real(p)*real(p) + imag(p)*imag(p)
		gain := cmplx.Conj(p) / complex(intensity+estimateFloor, 0)
		e.Gain.Data[i], e.Offset.Data[i] = complex64(gain), float32(intensity/(intensity+estimateFloor))
	}
	for i, v := range farField(probe) {
		if a := cmplx.Abs(v); a > 0 {
			e.Phase.Data[i] = complex64(v / complex(a, 0))
		}
	}
	return e
}

// farField is F P F with the matrix of DFTMatrix, but for a factor.
func farField(probe *ndarray.Complex64) []complex128 {
	wave := spectrum.New(probe.Shape[0], probe.Shape[1])
	for i, v := range probe.Data {
		wave.Data[i] = complex128(v)
	}
	wave = wave.Centre() // N is even: the origin goes from the middle to the corner as it does back
	wave.FFT()
	return wave.Centre().Data
}
