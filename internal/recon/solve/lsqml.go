package solve

import (
	"context"
	"math"
	"slices"
	"sync"

	"ptyx/internal/base/stream"
)

// Parameters of LSQML, chosen by trial on a measured and on simulated scans.
const (
	objectDamping = 0.5  // of the object's direction where light is weak, in units of the probe's peak
	probeDamping  = 0.1  // of the probe's direction where the object is dark, in units of the largest
	minBatchSize  = 32   // patterns at first
	maxBatches    = 8    // per pass at first
	minGain       = 0.03 // share of the loss that a pass of small batches must remove
)

// lsqml is the method of Odstrcil, Menzel and Guizar-Sicairos. The patterns of a batch give one direction for the
// object, sum conj(P) chi divided by the illumination of each pixel, and one for the probe; chi is the residual of the
// exit wave. Then least squares finds the step lengths a and b for which a dO P + b O dP is nearest to chi.
// The paper has a pair of step lengths for each pattern; here one pair serves the batch.
//
// Small batches converge fastest at first, but later they fit noise. So the number of batches is halved after each pass
// that gained little. Momentum from pass to pass speeds up the low frequencies, which converge slowly.
type lsqml struct {
	*state
	step        *stepper
	fixedNumber bool // of batches
	shares      shares
	late        bool // the second half of a pass has begun

	direction, gradient      *plane    // of the object
	illumination             []float32 // of the canvas by a batch
	probeStep, probeGradient pairs     // (K, N, N)
	objectPower              []float32 // (N, N), sum |O|^2 of the batch's patches
	smoother                 *smoother // of the object; nil: none
	cross                    pairs     // (N, N), sum conj(dO) O of the batch's patches
}

// pairs are complex numbers as real and imaginary parts.
type pairs struct{ re, im []float32 }

func newPairs(size int) pairs { return pairs{make([]float32, size), make([]float32, size)} }

func (p pairs) clear() {
	clear(p.re)
	clear(p.im)
}

// largest is the largest modulus.
func (p pairs) largest() float64 {
	most := float32(0)
	for i, re := range p.re {
		most = max(most, re*re+p.im[i]*p.im[i])
	}
	return math.Sqrt(float64(most))
}

func newLSQML(s *state, step *stepper) *lsqml {
	m := &lsqml{
		state: s, step: step,
		direction: newPlane(s.box), gradient: newPlane(s.box), illumination: make([]float32, len(s.object.re)),
		probeStep: newPairs(len(s.probeRe.Data)), probeGradient: newPairs(len(s.probeRe.Data)),
		smoother: newSmoother(s), objectPower: make([]float32, s.n*s.n), cross: newPairs(s.n * s.n),
	}
	m.memory.batches, m.fixedNumber = s.firstBatches()
	return m
}

// firstBatches is the number of batches of the first pass, and whether it stays.
func (s *state) firstBatches() (number int, fixed bool) {
	if size := s.options.BatchSize; size > 0 {
		return max(1, ceil(len(s.lit), size)), true
	}
	return max(1, min(maxBatches, len(s.lit)/minBatchSize)), false
}

func (m *lsqml) close() error { return m.step.close() }

func (m *lsqml) start(pass int) {
	m.memory.last = m.extrapolate(m.memory.last)
	if m.movesPositions(pass) {
		m.positions.extrapolate()
	}
}

// restart forgets the changes of earlier passes and their losses.
func (m *lsqml) restart() {
	m.memory.last, m.memory.losses = nil, m.memory.losses[:0]
	m.memory.lastY, m.memory.lastX = nil, nil
}

func (m *lsqml) shifted(rows, cols int) {
	if m.memory.last != nil {
		m.memory.last.roll(m.state, rows, cols)
	}
}

// pass makes one update for each batch of patterns drawn from the complete scan.
func (m *lsqml) pass(ctx context.Context, number int) (misfits, error) {
	batches := m.memory.batches
	sum := misfits{updates: batches}
	m.shares = shares{share: 1}
	order := m.shuffled(stream.New(m.options.Seed, "solve/lsqml", number))
	for b := range batches {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		m.late = 2*b >= batches && b > 0
		members := order[b*len(order)/batches : (b+1)*len(order)/batches]
		if err := m.update(members, number, &sum); err != nil || !finite(sum.squares) {
			return sum, err
		}
	}
	return sum, nil
}

// movesProbe lets the probe move in the second half of the first pass, too: half a pass is enough for an empty object
// to catch up. With a complete pass, the measured star needs three passes more (docs/dev/decisions.md).
func (m *lsqml) movesProbe(pass int) bool {
	return m.state.movesProbe(pass) || m.late && pass > m.options.Freeze.Probe
}

// converged halves the number of batches when they gain too little. The method has converged when a pass with a single
// batch gains nothing.
func (m *lsqml) converged(loss float64) bool {
	m.memory.losses = append(m.memory.losses, loss)
	if m.fixedNumber || m.memory.batches == 1 {
		return stalled(m.memory.losses)
	}
	if m.gain() < minGain || m.takesShares(m.passes) && m.shares.share < leastShare {
		m.memory.batches /= 2
		m.memory.losses = m.memory.losses[:0]
	}
	return false
}

// gain is the share of the loss that the last pass removed.
func (m *lsqml) gain() float64 {
	losses := m.memory.losses
	if len(losses) < 2 {
		return 1
	}
	before, now := losses[len(losses)-2], losses[len(losses)-1]
	return (before - now) / before
}

// update is the step of a batch.
func (m *lsqml) update(members []int, pass int, sum *misfits) error {
	light, peak := m.light()
	if err := m.sumGradients(members, pass, light, sum); err != nil {
		return err
	}
	if m.takesShares(pass) {
		m.shares.judge(m.direction, m.gradient)
	}
	together := m.options.Joint && m.movesPositions(pass) && m.movesObject(pass) && len(members) == len(m.lit)
	if together {
		m.positions.together(m.gradient, light)
	}
	m.sumIllumination(members, light)
	if m.smoother != nil {
		m.smoother.pull(float64(len(members))/float64(len(m.lit)), m.gradient)
	}
	m.objectDirection(peak)
	if m.takesShares(pass) {
		m.shares.descent = product(m.direction, m.gradient)
	}
	m.sumOverlaps(members)
	m.probeDirection()
	a, b := m.stepLengths(m.movesObject(pass), m.movesProbe(pass))
	factor := float32(m.stepShare*m.shares.share) * m.stepLimit(a, b)
	a, b = a*factor, b*factor
	for i := range m.object.re {
		m.object.re[i] += a * m.direction.re[i]
		m.object.im[i] += a * m.direction.im[i]
	}
	if m.movesProbe(pass) {
		for i := range m.probeRe.Data {
			m.probeRe.Data[i] += b * m.probeStep.re[i]
			m.probeIm.Data[i] += b * m.probeStep.im[i]
		}
	}
	if m.movesPositions(pass) {
		m.positions.apply(members, together)
	}
	if m.varies(pass) {
		m.variation.apply(members)
	}
	return nil
}

// stepLimit is the factor, at most 1, with which no pixel of object or probe changes by more than the largest value of
// either. Least squares is linear in the two directions, and its step lengths have no bound where the gradient comes
// from weak light. With one noisy pattern a batch, steps of 20 and more let the residual grow to 1e20 in a few passes.
func (m *lsqml) stepLimit(a, b float32) float32 {
	object, probe := pairs{m.object.re, m.object.im}, pairs{m.probeRe.Data, m.probeIm.Data}
	excess := max(1,
		math.Abs(float64(a))*ratio(pairs{m.direction.re, m.direction.im}.largest(), object.largest()),
		math.Abs(float64(b))*ratio(m.probeStep.largest(), probe.largest()))
	return float32(1 / excess)
}

// sumGradients sums conj(P) chi of the patterns on the canvas, and conj(O) chi, shifted back, on the probe.
func (m *lsqml) sumGradients(members []int, pass int, light []float32, sum *misfits) error {
	m.gradient.clear()
	m.probeGradient.clear()
	size := m.n * m.n
	err := m.step.each(members, func(r *replica) error {
		sum.loss += float64(r.loss.Data[0])
		for slot, id := range r.members {
			sum.squares += float64(r.misfit.Data[slot])
			re, im := part(r.objectGradRe, slot, size), part(r.objectGradIm, slot, size)
			m.gradient.subtract(m.at(id), m.n, re, im)
			if m.movesPositions(pass) {
				m.positions.propose(id, re, im, light)
			}
			if m.varies(pass) {
				m.variation.propose(id, part(r.factorGrad, slot, m.step.factors), part(r.objectRe, slot, size),
					part(r.objectIm, slot, size))
			}
		}
		subtract(m.probeGradient.re, r.probeGradRe.Data)
		subtract(m.probeGradient.im, r.probeGradIm.Data)
		if m.offset != nil {
			m.offset.add(r.offsetGrad.Data)
		}
		return nil
	})
	if !m.varies(pass) { // the variable modes wait
		clear(m.probeGradient.re[m.options.Modes*size:])
		clear(m.probeGradient.im[m.options.Modes*size:])
	}
	return err
}

func (m *lsqml) each(take func(id int, squares float64, re, im []float32)) error {
	size := m.n * m.n
	return m.step.each(m.lit, func(r *replica) error {
		for slot, id := range r.members {
			take(id, float64(r.misfit.Data[slot]), part(r.objectGradRe, slot, size), part(r.objectGradIm, slot, size))
		}
		return nil
	})
}

// sumIllumination adds up the light on the canvas, without the subpixel shifts, which hardly matter here.
func (m *lsqml) sumIllumination(members []int, light []float32) {
	clear(m.illumination)
	width := m.object.width
	m.bands(m.object.height, func(top, bottom int) {
		for _, id := range members {
			at := m.at(id)
			first := at / width
			for r := max(0, top-first); r < min(m.n, bottom-first); r++ {
				add(m.illumination[at+r*width:][:m.n], light[r*m.n:][:m.n])
			}
		}
	})
}

// bands cuts rows into bands for all threads and waits for them. What is made of a row must not depend on the band.
func (m *lsqml) bands(height int, do func(top, bottom int)) {
	count := max(1, m.options.Threads)
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() { do(i*height/count, (i+1)*height/count) })
	}
	all.Wait()
}

func add(to, values []float32) {
	for i, v := range values {
		to[i] += v
	}
}

func (m *lsqml) objectDirection(peak float32) {
	for i, light := range m.illumination {
		share := 1 / (light + objectDamping*peak)
		if m.smoother != nil { // twice the diagonal bounds the prior's curvature
			share = 1 / (light + objectDamping*peak + 2*m.smoother.diagonal[i])
		}
		m.direction.re[i], m.direction.im[i] = share*m.gradient.re[i], share*m.gradient.im[i]
	}
	if m.smoother != nil {
		m.smoother.along(m.direction)
	}
}

// sumOverlaps adds up sum |O|^2 and sum conj(dO) O of the patches of a batch, on the probe's array.
func (m *lsqml) sumOverlaps(members []int) {
	clear(m.objectPower)
	m.cross.clear()
	m.bands(m.n, func(top, bottom int) {
		for _, id := range members {
			at := m.at(id)
			for r := top; r < bottom; r++ {
				m.addOverlaps(at+r*m.object.width, r*m.n)
			}
		}
	})
}

// addOverlaps adds a row of a patch, which begins at element from of the object, to a row of the probe's array.
func (m *lsqml) addOverlaps(from, to int) {
	or, oi := m.object.re[from:][:m.n], m.object.im[from:][:m.n]
	dr, di := m.direction.re[from:][:m.n], m.direction.im[from:][:m.n]
	power, re, im := m.objectPower[to:][:m.n], m.cross.re[to:][:m.n], m.cross.im[to:][:m.n]
	for c, a := range or {
		b := oi[c]
		power[c] += a*a + b*b
		re[c] += dr[c]*a + di[c]*b
		im[c] += dr[c]*b - di[c]*a
	}
}

func (m *lsqml) probeDirection() {
	damping, size := probeDamping*slices.Max(m.objectPower), m.n*m.n
	m.clip(m.probeGradient.re, m.probeGradient.im)
	for i := range m.probeStep.re {
		share := 1 / (m.objectPower[i%size] + damping)
		m.probeStep.re[i], m.probeStep.im[i] = share*m.probeGradient.re[i], share*m.probeGradient.im[i]
	}
}

// stepLengths solves the two equations of least squares (equation 22 of the paper, for all patterns of a batch at
// once). They neglect the subpixel shifts of the probe.
func (m *lsqml) stepLengths(moveObject, moveProbe bool) (a, b float32) {
	var oo, pp, op, o, p float64
	for i, light := range m.illumination {
		dr, di := float64(m.direction.re[i]), float64(m.direction.im[i])
		oo += (dr*dr + di*di) * float64(light)
		o += dr*float64(m.gradient.re[i]) + di*float64(m.gradient.im[i])
	}
	if m.smoother != nil {
		oo += m.smoother.curvature
	}
	if !moveProbe {
		if !moveObject {
			return 0, 0
		}
		return float32(ratio(o, oo)), 0
	}
	size := m.n * m.n
	for i, dr := range m.probeStep.re {
		di := m.probeStep.im[i]
		pp += float64(dr*dr+di*di) * float64(m.objectPower[i%size])
		p += float64(dr*m.probeGradient.re[i] + di*m.probeGradient.im[i])
		// conj(dO P) O dP = conj(dO) O conj(P) dP
		pr, pi := m.probeRe.Data[i], m.probeIm.Data[i]
		re, im := pr*dr+pi*di, pr*di-pi*dr
		op += float64(m.cross.re[i%size]*re - m.cross.im[i%size]*im)
	}
	if !moveObject {
		return 0, float32(ratio(p, pp))
	}
	if det := oo*pp - op*op; det > 1e-3*oo*pp {
		return float32((o*pp - p*op) / det), float32((p*oo - o*op) / det)
	}
	return float32(ratio(o, oo)), 0 // the two directions are parallel
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0 // no light in the batch
	}
	return a / b
}
