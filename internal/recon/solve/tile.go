package solve

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
)

// Tile makes passes over one tile of Tiles. One goroutine uses it.
type Tile struct {
	*state
	ctx    context.Context // of the worker
	method method
	plan   tilePlan
}

// OpenTile prepares a tile from its plan. Passes end with an error when ctx is done. EPIE needs no engine.
func OpenTile(ctx context.Context, plan []byte, threads int, e engine.Engine) (*Tile, error) {
	t := &Tile{ctx: ctx}
	if !IsTilePlan(plan) {
		return nil, errors.New("the plan is none of a tile that this ptyx knows")
	}
	if err := gob.NewDecoder(bytes.NewReader(plan[len(tileMagic):])).Decode(&t.plan); err != nil {
		return nil, fmt.Errorf("reading the plan of a tile: %w", err)
	}
	if t.plan.Version != version.String {
		return nil, fmt.Errorf("the scan is solved by ptyx %s, this worker is ptyx %s", t.plan.Version, version.String)
	}
	if err := t.plan.check(); err != nil {
		return nil, err
	}
	patterns, err := dataset.HoldPacked(t.plan.N, t.plan.Patterns)
	if err != nil {
		return nil, err
	}
	t.plan.Patterns = nil // patterns has them
	t.plan.Options.Threads = threads
	probe := ndarray.New[complex64](t.plan.Options.Modes, t.plan.N, t.plan.N)
	for i := range probe.Data {
		probe.Data[i] = 1 // each round has its own
	}
	t.state, err = newState(Problem{
		Patterns: patterns, Measured: t.plan.Measured, X: t.plan.X, Y: t.plan.Y, Probe: probe,
	}, t.plan.Options)
	if err != nil {
		return nil, err
	}
	t.state.tile, t.state.portable = true, true
	t.start = centroid{t.plan.Start[0], t.plan.Start[1]}
	t.support = t.newSupport() // the probe that stands in for the first round's has no centre
	t.method, err = methods[t.plan.Options.Method].new(t.state, e)
	return t, err
}

// check refuses a plan of another program.
func (p tilePlan) check() error {
	if err := p.Options.Check(); err != nil {
		return err
	}
	_, known := methods[p.Options.Method]
	_, knowsNoise := likelihoods[p.Options.Likelihood]
	count := len(p.Patterns)
	finiteAll := !slices.ContainsFunc(slices.Concat(p.X, p.Y, p.Start[:]), func(v float64) bool {
		return !(math.Abs(v) <= 1<<24)
	})
	if !known || !knowsNoise || !dataset.HasSize(p.N) || count == 0 || len(p.X) != count || len(p.Y) != count ||
		p.Measured != nil && len(p.Measured) != p.N*p.N || !finiteAll || !(p.Scale > 0) || p.Rounds < 1 {
		return errors.New("the plan of a tile is damaged")
	}
	return nil
}

// Close frees what the tile holds of the engine.
func (t *Tile) Close() error { return t.method.close() }

// Compute makes the passes of a round from the object and the probe of Tiles.Parameters. It returns the residual of the
// last pass, and object and probe in the same order. A tile has one shard.
func (t *Tile) Compute(round, _ int, parameters []float32) ([]float32, error) {
	size, planes := len(t.object.re), len(t.probeRe.Data)
	if len(parameters) != 2*size+2*planes {
		return nil, fmt.Errorf("%d parameters of a tile that has %d", len(parameters), 2*size+2*planes)
	}
	t.load(parameters)
	t.keepPower() // here, as it must not count as a change by the first pass
	t.reset(round)
	g := newGuard(t.state)
	if err := t.solve(t.ctx, t.method, g, keeper{}, func(Pass) {}); err != nil {
		return nil, err
	}
	last := t.history[len(t.history)-1].Residual
	t.align(parameters[2*size:])
	out := append(make([]float32, 0, 1+len(parameters)), float32(last))
	return slices.Concat(out, t.object.re, t.object.im, t.probeRe.Data, t.probeIm.Data), nil
}

// load sets object and probe. The patterns of the tile have a scale of their own, which the probe follows.
func (t *Tile) load(parameters []float32) {
	for _, to := range [][]float32{t.object.re, t.object.im, t.probeRe.Data, t.probeIm.Data} {
		parameters = parameters[copy(to, parameters):]
	}
	multiply(t.probeRe.Data, t.probeIm.Data, complex(t.ratio(), 0))
}

// ratio is the scale of the tile's patterns over that of the complete scan.
func (t *Tile) ratio() float32 { return float32(t.scale / t.plan.Scale) }

// reset forgets all earlier rounds: the result must not depend on where they were computed. The number of batches falls
// from round to round, as it does in the passes of a complete scan.
func (t *Tile) reset(round int) {
	t.memory, t.history, t.converged = memory{}, nil, false
	t.stepShare, t.noise = 1, 0
	t.passes, t.options.Passes = round*roundPasses, (round+1)*roundPasses
	t.hasObject = round > 0 || t.plan.HasObject
	if m, ok := t.method.(*lsqml); ok {
		m.memory.batches, m.fixedNumber = m.firstBatches()
		if !m.fixedNumber {
			t.memory.batches = max(1, t.memory.batches>>(4*round/t.plan.Rounds))
		}
	}
}

// align removes the factor between object and probe that differs from tile to tile: the probe is as near as possible to
// the one that the round began with.
func (t *Tile) align(before []float32) {
	planes := len(t.probeRe.Data)
	overlap, power := complex128(0), 0.0
	for i, re := range t.probeRe.Data {
		was := complex(float64(before[i]), float64(before[planes+i]))
		overlap += complex(real(was), -imag(was)) * complex(float64(re), float64(t.probeIm.Data[i]))
		power += real(was)*real(was) + imag(was)*imag(was)
	}
	ratio := complex(float64(t.ratio()), 0)
	factor := overlap / complex(power, 0) / ratio
	if overlap == 0 || power == 0 {
		factor = 1
	}
	multiply(t.object.re, t.object.im, complex64(factor))
	multiply(t.probeRe.Data, t.probeIm.Data, complex64(1/(factor*ratio)))
}

func multiply(re, im []float32, factor complex64) {
	for i, a := range re {
		v := complex(a, im[i]) * factor
		re[i], im[i] = real(v), imag(v)
	}
}
