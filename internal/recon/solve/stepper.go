package solve

import (
	"fmt"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
)

// floorAmplitude rounds the amplitude off where it is dark, in units of the mean intensity: a thousandth of the mean amplitude.
const floorAmplitude = 1e-6

// runPixels is how many pixels of patterns a replica computes at once: their arrays stay near the processor.
const runPixels = 1 << 16

// stepper runs the graph on any patterns of a scan, a few at a time.
type stepper struct {
	state      *state
	patterns   int // of a replica
	executable engine.Executable
	replicas   []*replica
}

// replica is one binding of the graph and its arrays.
type replica struct {
	*stepArrays
	binding engine.Binding
	members []int // patterns in it, as far as there are any
}

// newStepper compiles the graph. patterns is the number of a replica's patterns; 0: as many as suit the processor.
func newStepper(s *state, e engine.Engine, patterns int) (*stepper, error) {
	t := &stepper{state: s, patterns: patterns}
	if patterns == 0 {
		t.patterns = max(1, runPixels/(s.n*s.n*s.options.Modes))
		t.patterns = min(t.patterns, max(1, len(s.x)/max(1, s.options.Threads)))
	}
	config := stepConfig{n: s.n, patterns: t.patterns, modes: s.options.Modes, likelihood: s.options.Likelihood, measured: s.measured, floor: floorAmplitude, background: s.background()}
	program, err := newStep(config)
	if err != nil {
		return nil, err
	}
	count := 1
	if patterns == 0 {
		count = e.Replicas(max(1, s.options.Threads))
	}
	if t.executable, err = e.Compile(program, count); err != nil {
		return nil, fmt.Errorf("compiling the step of the solver: %w", err)
	}
	for range count {
		r := &replica{stepArrays: newStepArrays(config, s.probeRe, s.probeIm)}
		if r.binding, err = t.executable.Bind(r.inputs(), r.outputs()); err != nil {
			_ = t.close()
			return nil, fmt.Errorf("binding the step of the solver: %w", err)
		}
		t.replicas = append(t.replicas, r)
	}
	return t, nil
}

// background is what Poisson's likelihood adds to intensities and counts.
func (s *state) background() float32 {
	return float32(max(poissonFloor*s.scale*s.scale, poissonMean))
}

// Poisson's likelihood is kept finite at a dark pixel by a floor in photons, and in units of the mean intensity: of many photons a pixel that is
// modelled dark would otherwise outweigh all others, and a scan of 10^9 a pattern ended in nothing.
const (
	poissonFloor = 0.1
	poissonMean  = 0.01
)

// each runs the graph on the members, and calls take for each replica's share, one after the other in the order of the members.
func (t *stepper) each(members []int, take func(r *replica) error) error {
	for len(members) > 0 {
		var g errgroup.Group
		used := 0
		for _, r := range t.replicas {
			r.members = members[:min(t.patterns, len(members))]
			members = members[len(r.members):]
			if len(r.members) == 0 {
				break
			}
			used++
			g.Go(func() error {
				t.fill(r)
				return r.binding.Run()
			})
		}
		if err := g.Wait(); err != nil {
			return fmt.Errorf("running the step of the solver: %w", err)
		}
		for _, r := range t.replicas[:used] {
			if err := take(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// fill cuts the patches of a replica's members. The rest of its slots see an empty object and no light, which has no slope.
func (t *stepper) fill(r *replica) {
	s, size := t.state, t.state.n*t.state.n
	for slot := range t.patterns {
		re, im := part(r.objectRe, slot, size), part(r.objectIm, slot, size)
		if slot >= len(r.members) {
			clear(re)
			clear(im)
			clear(part(r.measured, slot, size))
			continue
		}
		m := r.members[slot]
		s.object.cut(s.canvas.at(s.x[m], s.y[m]), s.n, re, im)
		copy(part(r.measured, slot, size), s.pattern(m))
		optics.ShiftMatrixInto(part(r.shiftY, slot, size), frame.Fraction(s.y[m]), s.n)
		optics.ShiftMatrixInto(part(r.shiftX, slot, size), frame.Fraction(s.x[m]), s.n)
	}
}

// part is image number i of an array.
func part(a *ndarray.Float32, i, size int) []float32 { return a.Data[i*size : (i+1)*size] }

func (t *stepper) close() error {
	var err error
	for _, r := range t.replicas {
		if closeErr := r.binding.Close(); err == nil {
			err = closeErr
		}
	}
	if closeErr := t.executable.Close(); err == nil {
		err = closeErr
	}
	return err
}
