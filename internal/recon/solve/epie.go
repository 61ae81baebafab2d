package solve

import (
	"context"
	"math"
	"math/cmplx"
	"math/rand/v2"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/stream"
	"ptyx/internal/physics/spectrum"
)

// epie is the method of Maiden and Rodenburg: each pattern changes the object and the probe at once, the object by a
// full step at the brightest pixel of the probe (equations 6 and 7 of the paper). It computes in double precision
// without an engine, whose overhead for single patterns is larger than its gain. The modes are kept as their
// transforms, so that a subpixel shift is a phase ramp.
type epie struct {
	*state
	stream func(pass int) *rand.Rand // decides on the order of the patterns

	fft             *spectrum.Transform
	modes           [][]complex128 // (K, N, N), transforms of the probe's modes
	moved, waves    [][]complex128 // (K, N, N), the modes at a position; exit waves, then their residuals
	ramp, patch     []complex128   // (N, N), work space
	pattern         []float32      // (N, N), measured
	intensity       []float64      // (N, N), modelled, unnormalised
	light, gradient []float32      // (N, N), sum |P|^2; real part of the object's gradient
	gradientIm      []float32
}

func newEPIE(s *state) *epie {
	m := &epie{state: s, fft: spectrum.NewTransform(s.n, s.n)}
	m.stream = func(pass int) *rand.Rand { return stream.New(s.options.Seed, "solve/epie", pass) }
	image := func() []complex128 { return make([]complex128, s.n*s.n) }
	for range s.options.Modes {
		m.modes, m.moved, m.waves = append(m.modes, image()), append(m.moved, image()), append(m.waves, image())
	}
	m.ramp, m.patch, m.intensity = image(), image(), make([]float64, s.n*s.n)
	m.pattern = make([]float32, s.n*s.n)
	m.light, m.gradient, m.gradientIm = make([]float32, s.n*s.n), make([]float32, s.n*s.n), make([]float32, s.n*s.n)
	return m
}

func (m *epie) start(int) {}

func (m *epie) restart() { m.memory.losses = m.memory.losses[:0] }

func (m *epie) shifted(int, int) {}

func (m *epie) converged(loss float64) bool {
	m.memory.losses = append(m.memory.losses, loss)
	return stalled(m.memory.losses)
}

func (m *epie) close() error { return nil }

func (m *epie) each(take func(id int, squares float64, re, im []float32)) error {
	m.readProbe()
	for _, id := range m.lit {
		var sum misfits
		if _, err := m.gradients(id, &sum); err != nil {
			return err
		}
		take(id, sum.squares, m.gradient, m.gradientIm)
	}
	return nil
}

// pass visits the patterns one by one, in an order drawn by the seed.
func (m *epie) pass(ctx context.Context, number int) (misfits, error) {
	sum := misfits{updates: len(m.lit)}
	m.readProbe()
	for _, id := range m.shuffled(m.stream(number)) {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		if err := m.visit(id, number, &sum); err != nil {
			return sum, err
		}
		if !finite(sum.squares) {
			break
		}
	}
	m.writeProbe()
	return sum, nil
}

// readProbe transforms the state's probe.
func (m *epie) readProbe() {
	for k, mode := range m.modes {
		for q := range mode {
			mode[q] = m.mode(k, q)
		}
		m.fft.Forward(mode)
	}
}

// writeProbe transforms the modes back into the state's probe.
func (m *epie) writeProbe() {
	for k, mode := range m.modes {
		copy(m.patch, mode)
		m.fft.Inverse(m.patch)
		for q, v := range m.patch {
			m.setMode(k, q, v)
		}
	}
}

// visit updates object and probe by pattern id.
func (m *epie) visit(id, pass int, sum *misfits) error {
	peak, err := m.gradients(id, sum)
	if err != nil {
		return err
	}
	if m.movesPositions(pass) {
		m.positions.propose(id, m.gradient, m.gradientIm, m.light)
	}
	step := float32(m.stepShare) / peak
	scale(m.gradient, step)
	scale(m.gradientIm, step)
	if m.movesObject(pass) {
		m.object.subtract(m.at(id), m.n, m.gradient, m.gradientIm)
	}
	if m.movesPositions(pass) {
		m.positions.apply([]int{id}, false)
	}
	if step := m.probeStep(pass); step > 0 {
		m.updateProbe(step)
	}
	return nil
}

// gradients computes the object's gradient by a pattern and the residuals of its exit waves. It returns the peak of the
// probe's light.
func (m *epie) gradients(id int, sum *misfits) (peak float32, err error) {
	if err := m.read(id, m.pattern); err != nil {
		return 0, err
	}
	m.setRamp(frame.Fraction(m.y[id]), frame.Fraction(m.x[id]))
	m.cutPatch(m.at(id))
	m.propagate()
	m.residual(m.pattern, sum)
	return m.objectGradient(), nil
}

// setRamp fills the ramp with the transform of a shift by (dy, dx) pixels.
func (m *epie) setRamp(dy, dx float64) {
	rows := spectrum.ShiftFactors(m.n, dy, spectrum.RealNyquist)
	columns := spectrum.ShiftFactors(m.n, dx, spectrum.RealNyquist)
	for r, a := range rows {
		for c, b := range columns {
			m.ramp[r*m.n+c] = a * b
		}
	}
}

// cutPatch reads the object under a pattern.
func (m *epie) cutPatch(at int) {
	for r := range m.n {
		from := at + r*m.object.width
		re, im, to := m.object.re[from:][:m.n], m.object.im[from:][:m.n], m.patch[r*m.n:][:m.n]
		for c := range to {
			to[c] = complex(float64(re[c]), float64(im[c]))
		}
	}
}

// propagate computes the far fields of all modes and their intensity.
func (m *epie) propagate() {
	clear(m.intensity)
	for k, mode := range m.modes {
		moved, wave := m.moved[k], m.waves[k]
		for i, v := range mode {
			moved[i] = v * m.ramp[i]
		}
		m.fft.Inverse(moved)
		for i, p := range moved {
			wave[i] = p * m.patch[i]
		}
		m.fft.Forward(wave)
		for i, f := range wave {
			m.intensity[i] += real(f)*real(f) + imag(f)*imag(f)
		}
	}
}

// residual replaces the far fields by the exit waves' residuals: the change that the likelihood asks for.
func (m *epie) residual(measured []float32, sum *misfits) {
	n, pixel, background := m.n, likelihoods[m.options.Likelihood].pixel, m.background()
	unit := 1 / float64(n*n) // of the transform, which is not normalised
	for r := range n {
		for c := range n {
			i, at := r*n+c, (r+n/2)%n*n+(c+n/2)%n
			factor := 0.0 // where no pixel was measured
			if m.measured == nil || m.measured[at] {
				d, intensity := float64(measured[at]), m.intensity[i]*unit
				amplitude := math.Sqrt(intensity + floorAmplitude)
				sum.squares += (amplitude - d) * (amplitude - d)
				var loss float64
				loss, factor = pixel(intensity, d, background)
				sum.loss += loss
			}
			for _, wave := range m.waves {
				wave[i] *= complex(factor, 0)
			}
		}
	}
	for _, wave := range m.waves {
		m.fft.Inverse(wave)
	}
}

// objectGradient is minus sum_k conj(P_k) chi_k of the modes at the pattern's position, and the peak of their light.
func (m *epie) objectGradient() (peak float32) {
	for i := range m.light {
		var light float64
		var sum complex128
		for k, p := range m.moved {
			light += real(p[i])*real(p[i]) + imag(p[i])*imag(p[i])
			sum -= cmplx.Conj(p[i]) * m.waves[k][i]
		}
		m.light[i], m.gradient[i], m.gradientIm[i] = float32(light), float32(real(sum)), float32(imag(sum))
		peak = max(peak, m.light[i])
	}
	return max(peak, math.SmallestNonzeroFloat32)
}

// probeStep is the step length of the probe in a pass. It shrinks, so that the probe does not follow the noise of each
// pattern (docs/dev/decisions.md).
func (m *epie) probeStep(pass int) float64 {
	if !m.movesProbe(pass) {
		return 0
	}
	return m.stepShare / float64(max(1, pass-1))
}

// updateProbe adds conj(O) chi, shifted back, to each mode.
func (m *epie) updateProbe(step float64) {
	peak := math.SmallestNonzeroFloat64
	for _, o := range m.patch {
		peak = max(peak, real(o)*real(o)+imag(o)*imag(o))
	}
	factor := complex(step/peak, 0)
	for k, wave := range m.waves {
		for i, o := range m.patch {
			wave[i] *= factor * cmplx.Conj(o)
		}
		m.fft.Forward(wave)
		for i, u := range wave {
			m.modes[k][i] += u * cmplx.Conj(m.ramp[i])
		}
	}
}

func scale(v []float32, factor float32) {
	for i := range v {
		v[i] *= factor
	}
}
