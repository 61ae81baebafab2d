package trend

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/physics/spectrum"
)

const (
	// expectedTerm is the size of a term, in rad or as a logarithm, that is expected before a pattern is seen.
	expectedTerm = 0.3
	// largestTerm is the size of a term beyond which the object around a pattern has no slow error but is wrong.
	largestTerm = 0.7
)

// Fitter fits Locals. It holds work space: each goroutine needs its own.
type Fitter struct {
	beam     *Beam
	probe    *ndarray.Complex64
	measured []bool // (N*N); nil: all
	shift    *optics.Propagator
	far      *spectrum.Transform
	waves    [1 + phaseTerms][]complex128 // (N, N), exit wave, times u, v, u^2, u v, v^2
	normal   *mat.SymDense                // (allTerms, allTerms)
	right    *mat.VecDense                // (allTerms)
}

// NewFitter prepares for patterns of a probe (N, N). measured (N*N) is false where a pixel of the detector does not
// count; nil: all do.
func NewFitter(beam *Beam, probe *ndarray.Complex64, measured []bool) *Fitter {
	f := &Fitter{
		beam: beam, probe: probe, measured: measured, shift: optics.NewPropagator(beam.N),
		far:    spectrum.NewTransform(beam.N, beam.N),
		normal: mat.NewSymDense(allTerms, nil), right: mat.NewVecDense(allTerms, nil),
	}
	for i := range f.waves {
		f.waves[i] = make([]complex128, beam.N*beam.N)
	}
	return f
}

// FitterBytes is the memory of a Fitter for n x n pixels, about: its waves and the work space of two transforms.
func FitterBytes(n int) int { return (2 + len(Fitter{}.waves)) * 16 * n * n }

// Fit is the Local at (x, y). object (N, N) is the patch there, pattern (N, N) the measured amplitudes, zero frequency
// at [N/2, N/2]. ok is false if the pattern says nothing, or contradicts the object by more than a slow error.
//
// With the modelled far field F, a change c_k b_k of the exponent changes the amplitude |F| by c_k Re(conj(F) B_k) /
// |F|, where B_k is the far field of b_k times the exit wave. This gives a step of Gauss and Newton for the squared
// differences of amplitudes, whose shot noise is the same for all (Thibault and Guizar-Sicairos, New J. Phys. 14,
// 063004, 2012). The fit expects terms of the size expectedTerm, weighted by the mean squared difference.
func (f *Fitter) Fit(x, y float64, object []complex64, pattern []float32) (local Local, ok bool) {
	f.propagate(frame.Fraction(y), frame.Fraction(x), object)
	normal, right := f.equations(pattern)
	var factors mat.Cholesky
	var found mat.VecDense
	if !factors.Factorize(normal) || factors.SolveVecTo(&found, right) != nil {
		return local, false
	}
	local = Local{X: x, Y: y}
	for k := range allTerms {
		term := found.AtVec(k)
		if !(math.Abs(term) <= largestTerm) {
			return local, false
		}
		if k < phaseTerms {
			local.Phase[k] = term
		} else {
			local.Log[k-phaseTerms] = term
		}
	}
	return local, true
}

// Misfit is the sum of the squared differences between modelled and measured amplitudes, of the pixels that count.
func (f *Fitter) Misfit(x, y float64, object []complex64, pattern []float32) float64 {
	f.exit(frame.Fraction(y), frame.Fraction(x), object)
	f.far.Forward(f.waves[0])
	sum := 0.0
	for i, d := range pattern {
		if f.measured == nil || f.measured[i] {
			far := f.waves[0][f.frequency(i)]
			difference := float64(d) - math.Hypot(real(far), imag(far))/float64(f.beam.N)
			sum += difference * difference
		}
	}
	return sum
}

// exit fills the first wave with the exit wave.
func (f *Fitter) exit(dy, dx float64, object []complex64) {
	wave := f.waves[0]
	for i, p := range f.probe.Data {
		wave[i] = complex128(p)
	}
	f.shift.Shift(wave, dy, dx)
	for i, v := range object {
		wave[i] *= complex128(v)
	}
}

// frequency is the place in a far field, zero frequency at [0, 0], of a pixel of the detector.
func (f *Fitter) frequency(pixel int) int {
	n := f.beam.N
	return (pixel/n+n/2)%n*n + (pixel%n+n/2)%n
}

// propagate fills the waves with far fields.
func (f *Fitter) propagate(dy, dx float64, object []complex64) {
	f.exit(dy, dx, object)
	n := f.beam.N
	for i, wave := range f.waves[0] {
		u, v := f.beam.u[i/n], f.beam.v[i%n]
		for k, term := range [phaseTerms]float64{u, v, u * u, u * v, v * v} {
			f.waves[1+k][i] = complex(term, 0) * wave
		}
	}
	for _, wave := range f.waves {
		f.far.Forward(wave)
	}
}

// equations are the normal equations of a pattern.
func (f *Fitter) equations(pattern []float32) (*mat.SymDense, *mat.VecDense) {
	var normal [allTerms][allTerms]float64
	var right, slopes [allTerms]float64
	square, count := 0.0, 0.0
	for i, d := range pattern {
		if f.measured != nil && !f.measured[i] {
			continue
		}
		difference := float64(d) - f.amplitudeSlopes(f.frequency(i), &slopes)
		square, count = square+difference*difference, count+1
		for k, s := range slopes {
			right[k] += s * difference
			for l, t := range slopes[:k+1] {
				normal[k][l] += s * t
			}
		}
	}
	expected := square / max(count, 1) / (expectedTerm * expectedTerm)
	for k := range allTerms {
		for l := range k + 1 {
			f.normal.SetSym(k, l, normal[k][l])
		}
		f.normal.SetSym(k, k, normal[k][k]+expected)
		f.right.SetVec(k, right[k])
	}
	return f.normal, f.right
}

// amplitudeSlopes returns the modelled amplitude of a pixel, and writes how it changes with each term.
func (f *Fitter) amplitudeSlopes(at int, slopes *[allTerms]float64) float64 {
	scale := 1 / float64(f.beam.N)
	far := f.waves[0][at]
	amplitude := math.Sqrt(real(far)*real(far) + imag(far)*imag(far))
	if amplitude == 0 {
		*slopes = [allTerms]float64{}
		return 0
	}
	re, im := scale*real(far)/amplitude, scale*imag(far)/amplitude
	for k := range phaseTerms {
		w := f.waves[1+k][at]
		slopes[k] = im*real(w) - re*imag(w) // of i times the term
	}
	slopes[phaseTerms] = scale * amplitude
	for k := range logTerms - 1 {
		w := f.waves[1+k][at]
		slopes[phaseTerms+1+k] = re*real(w) + im*imag(w)
	}
	return scale * amplitude
}
