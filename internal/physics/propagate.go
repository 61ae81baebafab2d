package physics

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"

	"ptyx/internal/ndarray"
)

// DFTMatrix is the symmetric, unitary DFT matrix (n, n) with the origin of both axes at n/2:
// F[k, j] = exp(-2 pi i (k - n/2)(j - n/2) / n) / sqrt(n), as real and imaginary parts. F psi F is the far field with zero
// frequency at [n/2, n/2]. (Moving the origin of psi changes phases only, which no detector sees.)
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

// ExitWave is probe * patch, both (N, N), in double precision.
func ExitWave(probe, patch *ndarray.Complex64) []complex128 {
	wave := make([]complex128, len(probe.Data))
	for i, p := range probe.Data {
		wave[i] = complex128(p) * complex128(patch.Data[i])
	}
	return wave
}

// Propagator computes far fields of n x n waves. It holds work space: each goroutine needs its own.
type Propagator struct {
	n      int
	fft    *fourier.CmplxFFT
	column []complex128
}

// NewPropagator prepares for n x n waves.
func NewPropagator(n int) *Propagator {
	return &Propagator{n: n, fft: fourier.NewCmplxFFT(n), column: make([]complex128, n)}
}

// Intensity is |FFT2(wave)|^2 / N^2 with zero frequency at [N/2, N/2]; the wave (N, N) is overwritten.
func (p *Propagator) Intensity(wave []complex128, intensity []float64) {
	n := p.n
	for r := range n {
		row := wave[r*n : (r+1)*n]
		p.fft.Coefficients(row, row)
	}
	for c := range n {
		for r := range n {
			p.column[r] = wave[r*n+c]
		}
		p.fft.Coefficients(p.column, p.column)
		for r, v := range p.column {
			shifted := (r+n/2)%n*n + (c+n/2)%n
			intensity[shifted] = (real(v)*real(v) + imag(v)*imag(v)) / float64(n*n)
		}
	}
}

// ShiftProbe moves the probe (N, N) by (dy, dx) pixels, |d| <= 1/2: S(dy) P S(dx)^T in double precision. A shift by 0 is
// a copy.
func ShiftProbe(probe *ndarray.Complex64, dy, dx float64) *ndarray.Complex64 {
	n := probe.Shape[0]
	wave := make([]complex128, n*n)
	for i, v := range probe.Data {
		wave[i] = complex128(v)
	}
	if dy != 0 {
		shiftLines(wave, dy, n, 1, n)
	}
	if dx != 0 {
		shiftLines(wave, dx, n, n, 1)
	}
	out := ndarray.New[complex64](n, n)
	for i, v := range wave {
		out.Data[i] = complex64(v)
	}
	return out
}

// shiftLines moves n lines by d samples with the phase ramp of the shift theorem. Lines start at multiples of start and
// have the given stride.
func shiftLines(wave []complex128, d float64, n, start, stride int) {
	fft := fourier.NewCmplxFFT(n)
	line := make([]complex128, n)
	for l := range n {
		for i := range n {
			line[i] = wave[l*start+i*stride]
		}
		fft.Coefficients(line, line)
		for k := range line {
			f := k
			if k > n/2 {
				f -= n
			}
			sin, cos := math.Sincos(-2 * math.Pi * float64(f) * d / float64(n))
			if k == n/2 {
				sin = 0 // the real Nyquist term of ShiftMatrix
			}
			line[k] *= complex(cos/float64(n), sin/float64(n))
		}
		fft.Sequence(line, line)
		for i := range n {
			wave[l*start+i*stride] = line[i]
		}
	}
}
