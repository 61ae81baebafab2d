// Package optics holds the forward model of ptychography in plain Go: the probe and its subpixel shift, the exit wave,
// its propagation to the detector, the intensity, and the likelihoods. simulate makes data with it; package forward builds
// the same formulas as graphs, and is tested against it. Conventions: patterns have zero frequency at [N/2, N/2] and
// I = |FFT2(P O)|^2 / N^2, which conserves energy.
package optics

import "math"

// ShiftMatrix is the real circulant matrix S(d), (n, n) row-major, that moves a vector by d samples towards higher
// indices: (S v)[i] is the band-limited interpolation of v at i - d. The Nyquist term is taken as cos(pi d), which keeps
// the matrix real. S(0) is the identity, exactly. A shift of an image P by (dy, dx) is S(dy) P S(dx)^T. n is even.
func ShiftMatrix(d float64, n int) []float32 {
	m := make([]float32, n*n)
	ShiftMatrixInto(m, d, n)
	return m
}

// ShiftMatrixInto writes ShiftMatrix to dst, which has n*n elements.
func ShiftMatrixInto(dst []float32, d float64, n int) {
	kernel := make([]float32, 2*n-1) // kernel[n-1+m] is the entry of every i, j with i - j = m
	for m := -(n - 1); m < n; m++ {
		kernel[n-1+m] = float32(dirichlet(float64(m)-d, m, d, n))
	}
	for i := range n {
		for j := range n {
			dst[i*n+j] = kernel[n-1+i-j]
		}
	}
}

// dirichlet is (1/n) [ sum_{|k|<n/2} cos(2 pi k t/n) + cos(pi m) cos(pi d) ] with t = m - d: the closed form of the sum
// is sin(pi t (n-1)/n) / sin(pi t/n).
func dirichlet(t float64, m int, d float64, n int) float64 {
	nyquist := math.Cos(math.Pi * d)
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
