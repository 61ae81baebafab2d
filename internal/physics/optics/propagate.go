package optics

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
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
	n   int
	far *spectrum.Transform
}

// NewPropagator prepares for n x n waves.
func NewPropagator(n int) *Propagator {
	return &Propagator{n: n, far: spectrum.NewTransform(n, n)}
}

// Intensity is |FFT2(wave)|^2 / N^2 with zero frequency at [N/2, N/2]; the wave (N, N) is overwritten.
func (p *Propagator) Intensity(wave []complex128, intensity []float64) {
	n := p.n
	p.far.Forward(wave)
	for i, v := range wave {
		shifted := (i/n+n/2)%n*n + (i%n+n/2)%n
		intensity[shifted] = (real(v)*real(v) + imag(v)*imag(v)) / float64(n*n)
	}
}

// Shift moves a wave (N, N) by (dy, dx) pixels, in place: the shift theorem as numpy.fft.fftfreq spells it, whose Nyquist
// frequency is -1/2 and turns by exp(i pi d), so that no energy is lost. The training step, whose shift matrices are real,
// and ShiftProbe take the real part of that one factor; a probe whose sampling is fine enough has nothing there.
func (p *Propagator) Shift(wave []complex128, dy, dx float64) {
	if dy == 0 && dx == 0 {
		return
	}
	p.far.Forward(wave)
	rows, columns := turns(p.n, dy), turns(p.n, dx)
	for i := range wave {
		wave[i] *= rows[i/p.n] * columns[i%p.n]
	}
	p.far.Inverse(wave)
}

// turns are exp(-2 pi i f d / n) of the n frequencies f = k or k - n, in [-n/2, n/2).
func turns(n int, d float64) []complex128 {
	out := make([]complex128, n)
	for k := range out {
		sin, cos := math.Sincos(-2 * math.Pi * float64(spectrum.Frequency(k, n)) * d / float64(n))
		out[k] = complex(cos, sin)
	}
	return out
}

// ShiftProbe moves the probe (N, N) by (dy, dx) pixels, |d| <= 1/2: S(dy) P S(dx)^T in double precision, with the real
// Nyquist term of ShiftMatrix. A shift by 0 is a copy.
func ShiftProbe(probe *ndarray.Complex64, dy, dx float64) *ndarray.Complex64 {
	n := probe.Shape[0]
	out := ndarray.New[complex64](n, n)
	copy(out.Data, probe.Data)
	if dy == 0 && dx == 0 {
		return out
	}
	wave := spectrum.New(n, n)
	for i, v := range probe.Data {
		wave.Data[i] = complex128(v)
	}
	wave.Shift(dy, dx)
	for i, v := range wave.Data {
		out.Data[i] = complex64(v)
	}
	return out
}
