package optics

import "math"

// DFTMatrix is the symmetric, unitary DFT matrix (n, n) with the origin of both axes at n/2: F[k, j] = exp(-2 pi i (k -
// n/2)(j - n/2) / n) / sqrt(n), as real and imaginary parts. F psi F is the far field with zero frequency at [n/2,
// n/2]. (Moving the origin of psi changes phases only, which no detector sees.)
func DFTMatrix(n int) (re, im []float32) {
	re, im = make([]float32, n*n), make([]float32, n*n)
	scale := 1 / math.Sqrt(float64(n))
	for k := range n {
		for j := range n {
			// The product is reduced modulo n first: the angle of a large product would lose digits.
			angle := -2 * math.Pi * float64((k-n/2)*(j-n/2)%n) / float64(n)
			re[k*n+j] = float32(math.Cos(angle) * scale)
			im[k*n+j] = float32(math.Sin(angle) * scale)
		}
	}
	return re, im
}

// ShiftMatrixInto writes to dst the real circulant matrix S(d), (n, n) row-major, n even, that moves a vector by d
// samples towards higher indices: (S v)[i] is the band-limited interpolation of v at i - d. The Nyquist term is cos(pi
// d), see spectrum.RealNyquist. S(0) is exactly the identity. An image P moved by (dy, dx) is S(dy) P S(dx)^T.
func ShiftMatrixInto(dst []float32, d float64, n int) {
	nyquist := math.Cos(math.Pi * d)
	kernel := make([]float32, 2*n-1) // kernel[n-1-m] is the entry of every i, j with i - j = m
	for m := -(n - 1); m < n; m++ {
		kernel[n-1-m] = float32(dirichlet(float64(m)-d, m, d, nyquist, n))
	}
	for i := range n {
		copy(dst[i*n:(i+1)*n], kernel[n-1-i:])
	}
}

// dirichlet is (1/n) [ sum_{|k|<n/2} cos(2 pi k t/n) + cos(pi m) cos(pi d) ] with t = m - d: the closed form of the sum
// is sin(pi t (n-1)/n) / sin(pi t/n). nyquist is cos(pi d).
func dirichlet(t float64, m int, d, nyquist float64, n int) float64 {
	if m%2 != 0 {
		nyquist = -nyquist
	}
	low := float64(n - 1)
	if denominator := math.Sin(math.Pi * t / float64(n)); denominator != 0 && d != 0 {
		low = math.Sin(math.Pi*t*float64(n-1)/float64(n)) / denominator
	} else if m%n != 0 { // d = 0: the sum over a whole period without the Nyquist term
		low = -nyquist
	}
	return (low + nyquist) / float64(n)
}

// DifferenceMatrix is the matrix D (n, n), row-major, whose product with a column of pixels is the step from each to
// the next; 0 for the last.
func DifferenceMatrix(n int) []float32 {
	d := make([]float32, n*n)
	for r := range n - 1 {
		d[r*n+r], d[r*n+r+1] = -1, 1
	}
	return d
}
