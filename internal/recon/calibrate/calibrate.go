// Package calibrate finds out what the probe really was before a network is trained with it. A probe comes from a model of the
// optics or from an earlier experiment, and is often wrong by a defocus or by its far field; a network trained with it
// explains the difference as object. Probe runs a few passes of ePIE (Maiden and Rodenburg, Ultramicroscopy 109, 1256, 2009)
// over a part of the scan, in which probe and object are both unknown, and keeps the probe alone.
package calibrate

import (
	"context"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// Data are the patterns of a scan and where they were taken.
// All of them take part; see Central.
type Data struct {
	Patterns *ndarray.Float32 // (K, N, N), amplitudes, zero frequency at [N/2, N/2]
	X, Y     []float64        // (K), patch centres in object pixels
	Measured []bool           // (N*N), where patterns were measured; nil: everywhere
}

// Result is a calibrated probe.
type Result struct {
	Probe    *ndarray.Complex64 // (N, N), in the units of the patterns
	Residual []float64          // of each pass: sum (|F| - d)^2 / sum d^2 as the pass met it
}

// Probe calibrates a probe by the given number of passes. The first only finds the object that goes with the probe as
// given. The probe is the mean over the second half of the passes, which averages the noise of single updates.
func Probe(ctx context.Context, d Data, probe *ndarray.Complex64, passes int, seed uint64) (*Result, error) {
	s := newSolver(d, probe)
	result := &Result{}
	mean := make([]complex128, len(s.probe))
	counted := 0
	for pass := range passes {
		residual, err := s.pass(ctx, seed, pass)
		if err != nil {
			return nil, err
		}
		result.Residual = append(result.Residual, residual)
		if 2*pass >= passes {
			counted++
			for i, v := range s.probe {
				mean[i] += v
			}
		}
	}
	if counted == 0 {
		mean, counted = s.probe, 1
	}
	result.Probe = s.realSpace(mean, 1/float64(counted))
	return result, nil
}

// solver is ePIE's state. The probe is kept as its transform: a subpixel shift is then a phase ramp.
type solver struct {
	n    int
	data Data

	probe    []complex128 // (N, N), transform of the probe
	object   []complex128 // (height, width)
	row, col int          // of object[0, 0] in the scan's frame
	width    int

	fft                            *spectrum.Transform
	ramp, shifted, patch, wave, up []complex128 // (N, N), work space
}

func newSolver(d Data, probe *ndarray.Complex64) *solver {
	n := probe.Shape[0]
	s := &solver{n: n, data: d, fft: spectrum.NewTransform(n, n)}
	for _, w := range []*[]complex128{&s.probe, &s.ramp, &s.shifted, &s.patch, &s.wave, &s.up} {
		*w = make([]complex128, n*n)
	}
	for i, v := range probe.Data {
		s.probe[i] = complex128(v)
	}
	s.scaleToPatterns()
	s.fft.Forward(s.probe)
	s.layObject()
	return s
}

// scaleToPatterns gives the probe the mean power of the patterns.
func (s *solver) scaleToPatterns() {
	power, measured := 0.0, 0.0
	for _, v := range s.probe {
		power += real(v)*real(v) + imag(v)*imag(v)
	}
	for _, d := range s.data.Patterns.Data {
		measured += float64(d) * float64(d)
	}
	scale := complex(math.Sqrt(measured/float64(len(s.data.X))/power), 0)
	for i := range s.probe {
		s.probe[i] *= scale
	}
}

// layObject makes an empty object under all patches.
func (s *solver) layObject() {
	top, bottom := frame.Range(s.data.Y)
	left, right := frame.Range(s.data.X)
	s.row, s.col, s.width = top-s.n/2, left-s.n/2, right-left+s.n
	s.object = make([]complex128, (bottom-top+s.n)*s.width)
	for i := range s.object {
		s.object[i] = 1
	}
}

func (s *solver) pattern(m int) []float32 { return s.data.Patterns.Data[m*s.n*s.n : (m+1)*s.n*s.n] }

// pass visits every pattern once, in an order drawn by the seed.
func (s *solver) pass(ctx context.Context, seed uint64, pass int) (residual float64, err error) {
	order := rand.New(rand.NewPCG(seed, uint64(pass))).Perm(len(s.data.X))
	wrong, all := 0.0, 0.0
	for _, m := range order {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		w, a := s.visit(m, probeStep(pass))
		wrong, all = wrong+w, all+a
	}
	return wrong / all, nil
}

// probeStep is the step length of the probe in a pass. The first pass moves the object alone; then the steps shrink, so that
// the probe comes to rest and does not follow the noise of each pattern.
func probeStep(pass int) float64 {
	if pass == 0 {
		return 0
	}
	return 1 / float64(pass)
}

// visit is one update of ePIE: the modulus of the far field is replaced by the measured one, and what that changes of the
// exit wave is shared between object and probe (equations 6 and 7 of the paper, with step length 1 for the object). It returns
// the squared error before, and the power measured.
func (s *solver) visit(m int, probeStep float64) (wrong, all float64) {
	y, x := s.data.Y[m], s.data.X[m]
	s.fillRamp(frame.Fraction(y), frame.Fraction(x))
	for i, v := range s.probe {
		s.shifted[i] = v * s.ramp[i]
	}
	s.fft.Inverse(s.shifted)
	at := (frame.Pixel(y)-s.n/2-s.row)*s.width + frame.Pixel(x) - s.n/2 - s.col
	for r := range s.n {
		copy(s.patch[r*s.n:(r+1)*s.n], s.object[at+r*s.width:])
	}
	for i, p := range s.shifted {
		s.wave[i] = p * s.patch[i]
	}
	wrong, all = s.project(s.pattern(m)) // s.wave is what the exit wave lacks

	step := complex(1/largest(s.shifted), 0)
	for r := range s.n {
		object := s.object[at+r*s.width:][:s.n]
		for c := range object {
			i := r*s.n + c
			object[c] += step * cmplx.Conj(s.shifted[i]) * s.wave[i]
		}
	}
	if probeStep == 0 {
		return wrong, all
	}
	step = complex(probeStep/largest(s.patch), 0)
	for i, o := range s.patch {
		s.up[i] = step * cmplx.Conj(o) * s.wave[i]
	}
	s.fft.Forward(s.up)
	for i, u := range s.up {
		s.probe[i] += u * cmplx.Conj(s.ramp[i])
	}
	return wrong, all
}

// project replaces s.wave by the change that gives its far field the measured modulus.
func (s *solver) project(measured []float32) (wrong, all float64) {
	n := s.n
	s.fft.Forward(s.wave)
	for r := range n {
		for c := range n {
			i := r*n + c
			at := (r+n/2)%n*n + (c+n/2)%n
			if s.data.Measured != nil && !s.data.Measured[at] {
				s.wave[i] = 0 // nothing to hold it against
				continue
			}
			d := float64(measured[at]) * float64(n) // of the unnormalised transform
			a := cmplx.Abs(s.wave[i])
			wrong, all = wrong+(a-d)*(a-d), all+d*d
			if a == 0 {
				continue // no phase to go by
			}
			s.wave[i] *= complex(d/a-1, 0)
		}
	}
	s.fft.Inverse(s.wave)
	return wrong, all
}

// fillRamp writes the transform of a shift by (dy, dx). The Nyquist terms are real, as in physics.ShiftProbe.
func (s *solver) fillRamp(dy, dx float64) {
	rows, columns := spectrum.ShiftFactors(s.n, dy, spectrum.RealNyquist), spectrum.ShiftFactors(s.n, dx, spectrum.RealNyquist)
	for r, a := range rows {
		for c, b := range columns {
			s.ramp[r*s.n+c] = a * b
		}
	}
}

// largest is max |v|^2.
func largest(v []complex128) float64 {
	top := math.SmallestNonzeroFloat64
	for _, x := range v {
		top = max(top, real(x)*real(x)+imag(x)*imag(x))
	}
	return top
}

// realSpace is the inverse transform of scale * probe.
func (s *solver) realSpace(probe []complex128, scale float64) *ndarray.Complex64 {
	wave := append([]complex128(nil), probe...)
	s.fft.Inverse(wave)
	out := ndarray.New[complex64](s.n, s.n)
	for i, v := range wave {
		out.Data[i] = complex64(v * complex(scale, 0))
	}
	return out
}
