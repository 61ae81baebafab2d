package solve

import (
	"errors"
	"fmt"
	"math"
)

// A pass has diverged if its residual is above divergedFactor times the lowest one plus divergedMargin. The margin lets
// nearly perfect data rise for a few passes when positions begin to move.
const (
	divergedFactor = 2
	divergedMargin = 0.01
	leastStepShare = 1. / 64 // of the usual steps; a solver that diverges with these gives up
)

// snapshot is a copy of everything that a pass changes.
type snapshot struct {
	unknowns unknowns
	x, y     []float64
	weights  []float64 // of the variation
	noise    float64   // of a pixel
	offset   []float32 // (N, N), background
	residual float64   // of the pass that began here
}

// take overwrites the snapshot by the state.
func (c *snapshot) take(s *state) {
	c.unknowns.take(s.unknowns())
	c.x, c.y, c.residual = append(c.x[:0], s.x...), append(c.y[:0], s.y...), math.Inf(1)
	c.noise = s.noise
	if s.offset != nil {
		c.offset = append(c.offset[:0], s.offset.values.Data...)
	}
	if s.variation != nil {
		c.weights = append(c.weights[:0], s.variation.weights...)
	}
}

// restore overwrites the state by the snapshot.
func (c *snapshot) restore(s *state) {
	now := s.unknowns()
	for i := range 2 {
		copy(now.object[i], c.unknowns.object[i])
		copy(now.probe[i], c.unknowns.probe[i])
	}
	copy(s.x, c.x)
	copy(s.y, c.y)
	s.noise = c.noise
	if s.offset != nil {
		copy(s.offset.values.Data, c.offset)
		clear(s.offset.gradient)
	}
	if s.variation != nil {
		copy(s.variation.weights, c.weights)
	}
}

// guard keeps the best state, and returns to it when a pass diverges.
type guard struct {
	state        *state
	before, best *snapshot // starts of the running pass, and of the one with the lowest residual
	memory       memory    // of the method at the start of the running pass
	startLimit   float64   // residual that no start can exceed
}

func newGuard(s *state) *guard {
	g := &guard{state: s, before: &snapshot{}, best: &snapshot{}, startLimit: s.largestResidual()}
	g.best.take(s)
	return g
}

// largestResidual is a bound for the residual of the state: by the triangle inequality its root is at most
// 1 + |F| / |d|, and by Parseval's theorem |F| is at most the largest |O| times the root of the probe's power.
func (s *state) largestResidual() float64 {
	peak := 0.0
	for i, re := range s.object.re {
		peak = max(peak, math.Hypot(float64(re), float64(s.object.im[i])))
	}
	root := 1 + peak*math.Sqrt(float64(s.pixels())/s.power)
	return root * root
}

// begin copies the state in which a pass begins.
func (g *guard) begin() {
	g.before.take(g.state)
	g.memory.take(&g.state.memory)
}

// undo returns to the start of the running pass.
func (g *guard) undo() {
	g.before.restore(g.state)
	g.state.memory = g.memory
}

// diverged judges the residual of a pass.
func (g *guard) diverged(residual float64) bool {
	limit := divergedFactor*g.best.residual + divergedMargin
	if math.IsInf(limit, 1) { // no pass has ended
		limit = g.startLimit
	}
	return !(residual <= limit)
}

// keep remembers the start of the pass if its residual is the lowest.
func (g *guard) keep(residual float64) {
	if residual < g.best.residual {
		g.before.residual = residual
		g.before, g.best = g.best, g.before
	}
}

// goBack returns to the best state and halves the steps. It fails with the smallest steps, and after the last pass if
// none has succeeded.
func (g *guard) goBack(p Pass) error {
	g.state.stepShare /= 2
	last := p.Number == g.state.options.Passes && math.IsInf(g.best.residual, 1)
	if last || g.state.stepShare < leastStepShare {
		return diverged(p.Number, p.Residual)
	}
	g.best.restore(g.state)
	return nil
}

// forget frees what only further passes need: 24 bytes for each pixel of the object.
func (g *guard) forget() { g.before, g.memory, g.state.memory = nil, memory{}, memory{} }

// finish makes a solution of the state, or of the best one if its residual is lower.
func (g *guard) finish(m method) (*Solution, error) {
	last, err := g.state.finish(m)
	if err != nil {
		return nil, err
	}
	if !(last.finite() && last.Residual <= g.best.residual) {
		g.best.restore(g.state)
		best, err := g.state.finish(m)
		if err != nil {
			return nil, err
		}
		if best.finite() && !(last.finite() && last.Residual <= best.Residual) {
			last = best
		}
	}
	if !last.finite() {
		return nil, diverged(g.state.options.Passes, last.Residual)
	}
	return last, nil
}

// ErrDiverged is the error of a solver that found no way back.
var ErrDiverged = errors.New("the solver diverges")

// diverged is ErrDiverged with what to do.
func diverged(pass int, residual float64) error {
	return fmt.Errorf(
		"pass %d: %w (residual %.3g), with smaller steps too: check the patterns for bad pixels, the "+
			"positions and the probe, or start with fewer --modes and without --positions", pass, ErrDiverged, residual)
}
