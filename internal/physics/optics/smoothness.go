package optics

import (
	"math"

	"ptyx/internal/base/ndarray"
)

// DifferenceMatrix is the matrix D (n, n), row-major, whose product with a column of pixels is the step from each to the
// next; 0 for the last.
func DifferenceMatrix(n int) []float32 {
	d := make([]float32, n*n)
	for r := range n - 1 {
		d[r*n+r], d[r*n+r+1] = -1, 1
	}
	return d
}

// Variation is the total variation of a patch (N, N), a mean over pixels weighted by lit (N, N), of mean 1; steps below
// floor are rounded off. Steps over the last row and column count as 0.
func Variation(patch *ndarray.Complex64, lit []float64, floor float64) float64 {
	n := patch.Shape[1]
	at := func(r, c int) complex128 { return complex128(patch.Data[r*n+c]) }
	sum := 0.0
	for r := range n {
		for c := range n {
			var down, right complex128
			if r+1 < n {
				down = at(r+1, c) - at(r, c)
			}
			if c+1 < n {
				right = at(r, c+1) - at(r, c)
			}
			squares := real(down)*real(down) + imag(down)*imag(down) + real(right)*real(right) + imag(right)*imag(right)
			sum += lit[r*n+c] * (math.Sqrt(squares+floor*floor) - floor)
		}
	}
	return sum / float64(n*n)
}
