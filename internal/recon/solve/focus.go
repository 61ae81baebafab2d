package solve

import (
	"context"
	"errors"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
)

// The trials of the search for the focus (docs/dev/decisions.md).
const (
	focusBatches  = 3  // of a pass
	focusPasses   = 4  // 48 patterns and 4 passes find the focus as well as twice as many
	focusReach    = 3  // steps to either side
	focusFarthest = 8  // steps, if the best focus is at the end
	focusStep     = 1. // radians at the r.m.s. radius of the far field
)

// focusPatterns is the largest number of patterns of n x n pixels in a trial: 48, and fewer above 256 pixels.
func focusPatterns(n int) int { return min(48, max(24, 1<<14/n)) }

// What makes another focus clearly better. clearFocus is its least gain, relative to the range of the residuals of all
// that were tried: shot noise adds to all alike. Of right probes the best focus gains 0.13 at most, of those that are
// wrong by 1.3 rad 0.156 and more, with 10^6 photons. Where patterns have much light in common, the gain must be
// clearFocusDense: calibration corrects other errors of the probe, too, and a focus that makes up for half of them
// misleads it.
//
// A probe that shares less light with its neighbours leaves each pattern more freedom. So its residual falls with
// noise, and with any other fault of the probe: it may leave at most freerFocus of the given residual. One that would
// leave the scan without a calibration, by less than LeastCommonLight, may leave at most freestFocus: right ones left
// 0.38 or less, one that hid aberrations and wrong positions 0.66.
//
// An empty object has the same patterns in every focus. A gain below the share leastGain of the best residual, or below
// leastChange of the light, tells nothing.
const (
	clearFocus      = 0.145
	clearFocusDense = 0.25
	freerFocus      = 0.8
	freestFocus     = 0.5
	leastGain       = 0.03
	leastChange     = 1e-5
)

// focus is a focus of a probe that was tried.
type focus struct {
	phase    float64 // that it adds at the r.m.s. radius of the far field, in radians
	common   float64 // CommonLight
	residual float64 // +Inf if the fit diverges
}

// focusSearch fits the object to some patterns for a probe in other focuses.
type focusSearch struct {
	state  *state
	method method
	start  snapshot
	memory memory
	probe  *optics.Defocus
}

// findFocus returns the focus of the problem's probe that explains the patterns best, or 0 if none is clearly better
// than the given one. A probe has many unknowns, which patterns that hardly overlap cannot tell. Its focus is a single
// one, in which delivered probes are wrong most often. dense tells that the patterns of the scan have enough light in
// common for a calibration.
func findFocus(
	ctx context.Context, p Problem, dense bool, seed uint64, threads int, e engine.Engine,
) (phase float64, err error) {
	f, err := newFocusSearch(p, seed, threads, e)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.method.close()) }()
	step := f.step()
	if !(step > 0) { // a far field of a single pixel has no focus
		return 0, nil
	}
	tried, err := f.scan(ctx, step)
	if err != nil {
		return 0, err
	}
	best, ok := clearlyBest(tried, dense)
	if !ok {
		return 0, nil
	}
	return f.sharpen(ctx, tried, best, step/2)
}

// asGiven is the given focus, which is among those tried.
func asGiven(tried []focus) focus {
	return tried[slices.IndexFunc(tried, func(t focus) bool { return t.phase == 0 })]
}

// clearlyBest is the best focus of some, among them the given one, and whether it is clearly better than that one.
func clearlyBest(tried []focus, dense bool) (best focus, ok bool) {
	given := asGiven(tried)
	best, worst := given, math.Inf(-1)
	for _, t := range tried {
		if t.residual < best.residual && t.residual <= given.mostResidual(t) {
			best = t
		}
		if finite(t.residual) {
			worst = max(worst, t.residual)
		}
	}
	share := clearFocus
	if dense {
		share = clearFocusDense
	}
	least := max(share*(worst-best.residual), leastGain*best.residual, leastChange)
	return best, best.phase != 0 && given.residual-best.residual >= least
}

// mostResidual is the largest residual with which another focus can be better than this one.
func (f focus) mostResidual(other focus) float64 {
	switch {
	case other.common >= f.common:
		return f.residual
	case other.common < LeastCommonLight && f.common >= LeastCommonLight:
		return freestFocus * f.residual
	default:
		return freerFocus * f.residual
	}
}

func newFocusSearch(p Problem, seed uint64, threads int, e engine.Engine) (*focusSearch, error) {
	s, err := calibrating(p, focusPasses, seed, threads)
	if err != nil {
		return nil, err
	}
	s.options.Freeze.Probe, s.options.BatchSize = always, ceil(len(p.X), focusBatches)
	m, err := methods[LSQML].new(s, e)
	if err != nil {
		return nil, err
	}
	f := &focusSearch{state: s, method: m, probe: optics.NewDefocus(p.Probe)}
	f.start.take(s)
	f.memory.take(&s.memory)
	return f, nil
}

// step is the distance of the focuses in a scan, in radians. The first ones move the light at the r.m.s. radius by a
// quarter of the frame at most.
func (f *focusSearch) step() float64 { return min(focusStep, f.quarter()/focusReach) }

// quarter is the phase that moves the light at the r.m.s. radius by a quarter of the frame: the phase a k^2 / radius^2
// of a far field moves light of the frequency k by a k N / (pi radius^2) pixels.
func (f *focusSearch) quarter() float64 { return math.Pi / 4 * f.probe.Radius() }

// scan tries focuses in steps to both sides, and further ones as long as the one at an end is the best, and moves the
// light by less than half of the frame.
func (f *focusSearch) scan(ctx context.Context, step float64) (tried []focus, err error) {
	best, at := math.Inf(1), 0
	try := func(k int) error {
		t, err := f.try(ctx, float64(k)*step)
		tried = append(tried, t)
		if t.residual < best {
			best, at = t.residual, k
		}
		return err
	}
	for k := -focusReach; k <= focusReach; k++ {
		if err := try(k); err != nil {
			return nil, err
		}
	}
	side := 1
	if at < 0 {
		side = -1
	}
	farthest := min(focusFarthest, int(2*f.quarter()/step))
	for k := focusReach; side*at == k && k < farthest; k++ {
		if err := try(side * (k + 1)); err != nil {
			return nil, err
		}
	}
	return tried, nil
}

// sharpen tries the focuses half a step beside the best one of some, and returns the vertex of a parabola through the
// best one of all and its neighbours. It stays at the best one if the vertex is too free for its residual.
func (f *focusSearch) sharpen(ctx context.Context, tried []focus, best focus, half float64) (phase float64, err error) {
	given, middle := asGiven(tried), best.phase
	tried = slices.Clone(tried)
	for _, side := range [...]float64{-1, 1} {
		t, err := f.try(ctx, middle+side*half)
		if err != nil {
			return 0, err
		}
		if tried = append(tried, t); t.residual < best.residual && t.residual <= given.mostResidual(t) {
			best = t
		}
	}
	at := func(phase float64) float64 {
		for _, t := range tried {
			if math.Abs(t.phase-phase) < half/2 {
				return t.residual
			}
		}
		return math.NaN() // beyond all that were tried
	}
	below, above := at(best.phase-half), at(best.phase+half)
	bend := below - 2*best.residual + above
	if !(bend > 0) || !finite(bend) {
		return best.phase, nil
	}
	vertex := best
	vertex.phase += half * (below - above) / (2 * bend)
	vertex.common = CommonLight(f.state.x, f.state.y, f.probe.Probe(vertex.phase))
	if !(vertex.residual <= given.mostResidual(vertex)) {
		return best.phase, nil
	}
	return vertex.phase, nil
}

// try fits the object from empty. A residual above 1, that of a dark object, has diverged: it is infinite.
func (f *focusSearch) try(ctx context.Context, phase float64) (focus, error) {
	s := f.state
	f.start.restore(s)
	s.memory.take(&f.memory)
	probe := f.probe.Probe(phase)
	s.setProbe(probe)
	t := focus{phase: phase, common: CommonLight(s.x, s.y, probe)}
	for number := 1; number <= focusPasses; number++ {
		f.method.start(number)
		pass, _, err := s.runPass(ctx, f.method, number)
		if err != nil {
			return t, err
		}
		if t.residual = pass.Residual; !(t.residual <= 1) {
			t.residual = math.Inf(1)
			break
		}
	}
	return t, nil
}

// setProbe replaces the probe of a state with a single mode by another one (N, N), of the power that patterns ask for.
func (s *state) setProbe(probe *ndarray.Complex64) {
	for i, v := range probe.Data {
		s.probeRe.Data[i], s.probeIm.Data[i] = real(v), imag(v)
	}
	s.scaleProbe()
}
