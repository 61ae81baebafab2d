// Package optics is the forward model of ptychography in plain Go: probe, exit wave, propagation and intensity.
//
// A probe and a patch of the object are (N, N) complex64, N even; their product is the exit wave. A Propagator takes
// the wave to the detector, where the intensity is I = |FFT2(P O)|^2 / N^2, which conserves energy, with zero frequency
// at [N/2, N/2]. Shifts are in pixels, towards larger rows and columns.
//
// Package simulate makes scans with it, package report draws with it. Package forward builds the same formulas as
// graphs from the matrices here, and its tests compare the two.
package optics

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// ExitWave is probe * patch, both (N, N), in double precision.
func ExitWave(probe, patch *ndarray.Complex64) []complex128 {
	wave := make([]complex128, len(probe.Data))
	for i, p := range probe.Data {
		wave[i] = complex128(p) * complex128(patch.Data[i])
	}
	return wave
}

// Propagator computes far fields of (N, N) waves. It holds work space: each goroutine needs its own.
type Propagator struct {
	n   int
	far *spectrum.Transform
}

// NewPropagator prepares for n x n waves.
func NewPropagator(n int) *Propagator {
	return &Propagator{n: n, far: spectrum.NewTransform(n, n)}
}

// Intensity writes |FFT2(wave)|^2 / N^2 to intensity, both (N, N); it overwrites the wave.
func (p *Propagator) Intensity(wave []complex128, intensity []float64) {
	n := p.n
	p.far.Forward(wave)
	half, pixels := n/2, float64(n*n)
	for r := range n {
		row, centred := wave[r*n:][:n], intensity[(r+half)%n*n:][:n]
		for c, v := range row[:half] {
			centred[half+c] = (real(v)*real(v) + imag(v)*imag(v)) / pixels
		}
		for c, v := range row[half:] {
			centred[c] = (real(v)*real(v) + imag(v)*imag(v)) / pixels
		}
	}
}

// Shift moves a wave (N, N) by (dy, dx) pixels in place and keeps its energy, see spectrum.ComplexNyquist.
func (p *Propagator) Shift(wave []complex128, dy, dx float64) {
	if dy != 0 || dx != 0 {
		p.far.Shift(wave, dy, dx, spectrum.ComplexNyquist)
	}
}
