package solve

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
)

// floorAmplitude smooths the amplitude at dark pixels, in units of the mean intensity: a thousandth of the mean
// amplitude.
const floorAmplitude = 1e-6

// runPixels is the number of pattern pixels that a replica computes at once: their arrays stay in the cache.
const runPixels = 1 << 16

// stepper runs the graph of newStep on any patterns of a scan, a few at a time.
type stepper struct {
	state      *state
	patterns   int // per replica
	factors    int // of a pattern that the probe varies with
	executable engine.Executable
	replicas   []*replica
}

// replica is one binding of the graph and its arrays.
type replica struct {
	*stepArrays
	binding engine.Binding
	members []int // its patterns, at most stepper.patterns
}

// newStepper compiles the graph for as many patterns as suit the processor.
func newStepper(s *state, e engine.Engine) (*stepper, error) {
	threads := max(1, s.options.Threads)
	modes := s.options.Modes
	t := &stepper{state: s, patterns: s.patternsPerRun(s.sharers(threads)), factors: modes * s.probeRe.Shape[0]}
	config := stepConfig{
		n: s.n, patterns: t.patterns, modes: modes, variable: s.options.OPR, varies: s.variation != nil,
		offset:     s.offset != nil,
		likelihood: s.options.Likelihood, measured: s.measured,
		floor: floorAmplitude, background: float32(s.background()),
	}
	program, err := newStep(config)
	if err != nil {
		return nil, err
	}
	count := e.Replicas(threads)
	if t.executable, err = e.Compile(program, count); err != nil {
		return nil, fmt.Errorf("compiling the step of the solver: %w", err)
	}
	for range count {
		r := &replica{stepArrays: newStepArrays(config, s.probeRe, s.probeIm)}
		if s.offset != nil {
			r.offset = s.offset.values
		}
		if r.binding, err = t.executable.Bind(r.inputs(), r.outputs()); err != nil {
			_ = t.close()
			return nil, fmt.Errorf("binding the step of the solver: %w", err)
		}
		t.replicas = append(t.replicas, r)
	}
	return t, nil
}

// patternsPerRun suits the cache and divides the first batches into equal runs for each of the sharers. With 16
// patterns a run, one more than 64 in a batch would cost as much as 32.
func (s *state) patternsPerRun(sharers int) int {
	suited := max(1, float64(runPixels)/float64(s.n*s.n*s.options.Modes))
	batches, _ := s.firstBatches()
	batch := max(1, ceil(len(s.lit), batches))
	runs := max(1, int(math.Round(float64(batch)/(suited*float64(sharers))))) // of each sharer
	return ceil(batch, runs*sharers)
}

// ceil is a / b, rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }

// portableThreads is the number of threads that share the patterns of a portable state, whatever the machine has: sums
// are taken over the patterns of a run, and their rounding must be the same everywhere.
const portableThreads = 2

func (s *state) sharers(threads int) int {
	if s.portable {
		return portableThreads
	}
	return threads
}

// background is the constant that the Poisson likelihood adds to intensities and counts.
func (s *state) background() float64 { return max(poissonFloor*s.scale*s.scale, poissonMean) }

// The Poisson likelihood stays finite at a dark pixel by a floor in photons, and one in units of the mean intensity.
// Without the second, pixels modelled dark outweighed all others in a scan of 10^9 photons per pattern.
const (
	poissonFloor = 0.1
	poissonMean  = 0.01
)

// each runs the graph on the members and calls take for each run, one after the other in the order of the members,
// while the other replicas compute.
func (t *stepper) each(members []int, take func(r *replica) error) error {
	runs := slices.Collect(slices.Chunk(members, t.patterns))
	taken := make([]chan struct{}, len(runs)+1) // taken[i] is closed when take of the runs before i is done
	for i := range taken {
		taken[i] = make(chan struct{})
	}
	close(taken[0])
	g, ctx := errgroup.WithContext(context.Background())
	for first, r := range t.replicas {
		g.Go(func() error {
			for i := first; i < len(runs); i += len(t.replicas) {
				r.members = runs[i]
				if err := t.run(r); err != nil {
					return err
				}
				select {
				case <-taken[i]:
				case <-ctx.Done():
					return nil // another replica has the error
				}
				if err := take(r); err != nil {
					return err
				}
				close(taken[i+1])
			}
			return nil
		})
	}
	return g.Wait()
}

// run runs the graph on a replica's members.
func (t *stepper) run(r *replica) error {
	err := t.fill(r)
	if err == nil {
		err = r.binding.Run()
	}
	if err != nil {
		return fmt.Errorf("running the step of the solver: %w", err)
	}
	return nil
}

// fill cuts the patches of a replica's members. Unused slots get an empty object and no light, which has no gradient.
func (t *stepper) fill(r *replica) error {
	s, size := t.state, t.state.n*t.state.n
	for slot := range t.patterns {
		re, im := part(r.objectRe, slot, size), part(r.objectIm, slot, size)
		if slot >= len(r.members) {
			clear(re)
			clear(im)
			s.offset.amplitudes(part(r.measured, slot, size))
			if r.factors != nil {
				clear(part(r.factors, slot, t.factors))
			}
			continue
		}
		m := r.members[slot]
		s.object.cut(s.at(m), s.n, re, im)
		if err := s.read(m, part(r.measured, slot, size)); err != nil {
			return err
		}
		optics.ShiftMatrixInto(part(r.shiftY, slot, size), frame.Fraction(s.y[m]), s.n)
		optics.ShiftMatrixInto(part(r.shiftX, slot, size), frame.Fraction(s.x[m]), s.n)
		if r.factors != nil {
			s.variation.mix(m, part(r.factors, slot, t.factors))
		}
	}
	return nil
}

// part is image number i of an array.
func part(a *ndarray.Float32, i, size int) []float32 { return a.Data[i*size : (i+1)*size] }

func (t *stepper) close() (err error) {
	for _, r := range t.replicas {
		err = errors.Join(err, r.binding.Close())
	}
	return errors.Join(err, t.executable.Close())
}
