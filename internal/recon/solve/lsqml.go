package solve

import (
	"context"
	"math/rand/v2"
	"slices"

	"ptyx/internal/recon/engine"
)

// Dampings of LSQML, chosen by trial on a measured and on simulated scans.
const (
	objectDamping = 0.5  // of the object's direction where light is weak, in units of the probe's peak
	probeDamping  = 0.1  // of the probe's direction where the object is dark, in units of the largest
	fewest        = 32   // patterns of a batch at first
	mostBatches   = 8    // of a pass at first
	worthwhile    = 0.03 // share of the loss that a pass of small batches has to remove
)

// lsqml is the method of Odstrcil, Menzel and Guizar-Sicairos. The patterns of a batch agree on one direction, sum conj(P) chi
// over the light that fell on each pixel, for the object, and one for the probe; chi is what the exit waves lack. Then least
// squares finds the step lengths a and b at which a dO P + b O dP is nearest to chi.
//
// Small batches gain most at first and are noisy in the end, so a pass has half as many whenever it gained little. Each pass
// begins with a share of the last one's change (heavy ball), which makes the slow, low frequencies fast.
type lsqml struct {
	*state
	run     *stepper
	batches int // of a pass
	fixed   bool

	direction, gradient *plane    // of the object
	lit                 []float32 // light that fell on the canvas in a batch
	probeStep           pairs     // direction of the probe
	probeGradient       pairs
	seen                []float32 // (N, N), sum |O|^2 of the batch's patches
	mixed               pairs     // (N, N), sum conj(dO) O of the batch's patches

	last    *parts    // object and probe after the pass before, or nil
	history []float64 // losses since the batches were last made larger
}

// pairs are complex numbers as real and imaginary parts.
type pairs struct{ re, im []float32 }

func newPairs(size int) pairs { return pairs{make([]float32, size), make([]float32, size)} }

func (p pairs) clear() {
	clear(p.re)
	clear(p.im)
}

func newLSQML(s *state, e engine.Engine) (*lsqml, error) {
	run, err := newStepper(s, e, 0)
	if err != nil {
		return nil, err
	}
	size := s.n * s.n
	m := &lsqml{
		state: s, run: run, batches: max(1, min(mostBatches, len(s.x)/fewest)),
		direction: newPlane(s.canvas.height, s.canvas.width), gradient: newPlane(s.canvas.height, s.canvas.width),
		lit: make([]float32, s.canvas.height*s.canvas.width), seen: make([]float32, size), mixed: newPairs(size),
		probeStep: newPairs(len(s.probeRe.Data)), probeGradient: newPairs(len(s.probeRe.Data)),
	}
	if s.options.BatchSize > 0 {
		m.batches, m.fixed = max(1, (len(s.x)+s.options.BatchSize-1)/s.options.BatchSize), true
	}
	return m, nil
}

func (m *lsqml) stepper() *stepper { return m.run }

func (m *lsqml) moved(rows, cols int) {
	if m.last != nil {
		m.last.roll(m.state, rows, cols)
	}
}

func (m *lsqml) close() error { return m.run.close() }

// pass makes one step for each batch of patterns drawn from the whole scan.
func (m *lsqml) pass(ctx context.Context, number int) (met, error) {
	found := met{batches: m.batches}
	m.last = m.carryOn(m.last)
	if m.movesPlaces(number) {
		m.places.carryOn()
	}
	order := rand.New(rand.NewPCG(m.options.Seed, uint64(number))).Perm(len(m.x))
	for b := range m.batches {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		members := order[b*len(order)/m.batches : (b+1)*len(order)/m.batches]
		moving := moves{probe: number > 1 || m.begun, places: m.movesPlaces(number)}
		if err := m.update(members, moving, &found); err != nil {
			return found, err
		}
	}
	return found, nil
}

// settled halves the batches when they no longer gain, and has settled when a pass over all patterns at once gains nothing.
func (m *lsqml) settled(loss float64) bool {
	m.history = append(m.history, loss)
	gained := m.gained()
	if m.fixed || m.batches == 1 {
		return stalled(m.history)
	}
	if gained < worthwhile {
		m.batches = max(1, m.batches/2)
		m.history = m.history[:0]
	}
	return false
}

// gained is what share of the loss the last pass removed.
func (m *lsqml) gained() float64 {
	if len(m.history) < 2 {
		return 1
	}
	before, now := m.history[len(m.history)-2], m.history[len(m.history)-1]
	return (before - now) / before
}

// moves say which of the unknowns a step moves beside the object.
type moves struct{ probe, places bool }

// update is one step of a batch.
func (m *lsqml) update(members []int, moving moves, found *met) error {
	light, peak := m.light()
	if err := m.gather(members, moving, light, found); err != nil {
		return err
	}
	m.illuminate(members, light)
	m.objectDirection(peak)
	m.look(members)
	m.probeDirection()
	a, b := m.lengths(moving.probe)
	for i := range m.object.re {
		m.object.re[i] += a * m.direction.re[i]
		m.object.im[i] += a * m.direction.im[i]
	}
	if moving.probe {
		for i := range m.probeRe.Data {
			m.probeRe.Data[i] += b * m.probeStep.re[i]
			m.probeIm.Data[i] += b * m.probeStep.im[i]
		}
	}
	if moving.places {
		m.places.move(members)
	}
	return nil
}

// gather sums what single patterns ask for: conj(P) chi on the canvas, conj(O) chi, moved back, on the probe.
func (m *lsqml) gather(members []int, moving moves, light []float32, found *met) error {
	m.gradient.clear()
	m.probeGradient.clear()
	size := m.n * m.n
	return m.run.each(members, func(r *replica) error {
		found.add(r.stepArrays)
		for slot, id := range r.members {
			re, im := part(r.objectGradRe, slot, size), part(r.objectGradIm, slot, size)
			m.gradient.lay(m.canvas.at(m.x[id], m.y[id]), m.n, re, im)
			if moving.places {
				m.places.ask(id, re, im, light)
			}
		}
		subtract(m.probeGradient.re, r.probeGradRe.Data)
		subtract(m.probeGradient.im, r.probeGradIm.Data)
		return nil
	})
}

// illuminate adds up the light on the canvas. Where the object has a pixel the subpixel rest moves it little.
func (m *lsqml) illuminate(members []int, light []float32) {
	clear(m.lit)
	for _, id := range members {
		at := m.canvas.at(m.x[id], m.y[id])
		for r := range m.n {
			add(m.lit[at+r*m.canvas.width:][:m.n], light[r*m.n:][:m.n])
		}
	}
}

func add(to, what []float32) {
	for i, v := range what {
		to[i] += v
	}
}

func (m *lsqml) objectDirection(peak float32) {
	for i, lit := range m.lit {
		share := 1 / (lit + objectDamping*peak)
		m.direction.re[i], m.direction.im[i] = share*m.gradient.re[i], share*m.gradient.im[i]
	}
}

// look adds up sum |O|^2 and sum conj(dO) O of the patches of a batch, on the probe's array.
func (m *lsqml) look(members []int) {
	clear(m.seen)
	m.mixed.clear()
	for _, id := range members {
		at := m.canvas.at(m.x[id], m.y[id])
		for r := range m.n {
			from, to := at+r*m.canvas.width, r*m.n
			or, oi := m.object.re[from:][:m.n], m.object.im[from:][:m.n]
			dr, di := m.direction.re[from:][:m.n], m.direction.im[from:][:m.n]
			seen, re, im := m.seen[to:][:m.n], m.mixed.re[to:][:m.n], m.mixed.im[to:][:m.n]
			for c, a := range or {
				b := oi[c]
				seen[c] += a*a + b*b
				re[c] += dr[c]*a + di[c]*b
				im[c] += dr[c]*b - di[c]*a
			}
		}
	}
}

func (m *lsqml) probeDirection() {
	damping, size := probeDamping*slices.Max(m.seen), m.n*m.n
	for i := range m.probeStep.re {
		share := 1 / (m.seen[i%size] + damping)
		m.probeStep.re[i], m.probeStep.im[i] = share*m.probeGradient.re[i], share*m.probeGradient.im[i]
	}
}

// lengths solves the two equations of least squares (equation 22 of the paper, for all patterns of a batch at once). Within them the probe is
// taken without its subpixel moves.
func (m *lsqml) lengths(moveProbe bool) (a, b float32) {
	var oo, pp, op, o, p float64
	for i, lit := range m.lit {
		dr, di := float64(m.direction.re[i]), float64(m.direction.im[i])
		oo += (dr*dr + di*di) * float64(lit)
		o += dr*float64(m.gradient.re[i]) + di*float64(m.gradient.im[i])
	}
	if !moveProbe {
		return float32(ratio(o, oo)), 0
	}
	size := m.n * m.n
	for i, dr := range m.probeStep.re {
		di := m.probeStep.im[i]
		pp += float64(dr*dr+di*di) * float64(m.seen[i%size])
		p += float64(dr*m.probeGradient.re[i] + di*m.probeGradient.im[i])
		// conj(dO P) O dP = conj(dO) O conj(P) dP
		pr, pi := m.probeRe.Data[i], m.probeIm.Data[i]
		re, im := pr*dr+pi*di, pr*di-pi*dr
		op += float64(m.mixed.re[i%size]*re - m.mixed.im[i%size]*im)
	}
	if det := oo*pp - op*op; det > 1e-3*oo*pp {
		return float32((o*pp - p*op) / det), float32((p*oo - o*op) / det)
	}
	return float32(ratio(o, oo)), 0 // the two directions are one
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0 // no light in the batch
	}
	return a / b
}
