package physics

import (
	"math"
	"math/cmplx"

	"ptyx/internal/ndarray"
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

// farField is F P F with the matrix of DFTMatrix.
func farField(probe *ndarray.Complex64) []complex128 {
	n := probe.Shape[0]
	re, im := DFTMatrix(n)
	dft := make([]complex128, n*n)
	wave := make([]complex128, n*n)
	for i := range dft {
		dft[i] = complex(float64(re[i]), float64(im[i]))
		wave[i] = complex128(probe.Data[i])
	}
	return product(product(dft, wave, n), dft, n)
}

// product is the matrix product of two (n, n).
func product(a, b []complex128, n int) []complex128 {
	out := make([]complex128, n*n)
	for r := range n {
		row := out[r*n : (r+1)*n]
		for k := range n {
			f := a[r*n+k]
			for c, v := range b[k*n : (k+1)*n] {
				row[c] += f * v
			}
		}
	}
	return out
}
