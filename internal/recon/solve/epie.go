package solve

import (
	"context"
	"math"
	"math/rand/v2"

	"ptyx/internal/recon/engine"
)

// epie is the method of Maiden and Rodenburg: what a pattern asks for is given to the object at once, and to the probe, in full at their
// brightest pixel (equations 6 and 7 of the paper, step lengths 1).
type epie struct {
	*state
	run     *stepper
	history []float64
}

func newEPIE(s *state, e engine.Engine) (*epie, error) {
	run, err := newStepper(s, e, 1)
	if err != nil {
		return nil, err
	}
	return &epie{state: s, run: run}, nil
}

func (m *epie) stepper() *stepper { return m.run }

func (m *epie) moved(int, int) {}

func (m *epie) close() error { return m.run.close() }

func (m *epie) settled(loss float64) bool {
	m.history = append(m.history, loss)
	return stalled(m.history)
}

// pass visits the patterns one by one, in an order drawn by the seed.
func (m *epie) pass(ctx context.Context, number int) (met, error) {
	found := met{batches: len(m.x)}
	order := rand.New(rand.NewPCG(m.options.Seed, uint64(number))).Perm(len(m.x))
	for i := range order {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		if err := m.run.each(order[i:i+1], func(r *replica) error {
			found.add(r.stepArrays)
			m.give(r, moves{probe: number > 1 || m.begun, places: m.movesPlaces(number)})
			return nil
		}); err != nil {
			return found, err
		}
	}
	return found, nil
}

// give adds what a pattern asks for.
func (m *epie) give(r *replica, moving moves) {
	id := r.members[0]
	light, peak := m.light()
	if moving.places {
		m.places.ask(id, r.objectGradRe.Data, r.objectGradIm.Data, light)
	}
	patch := float32(math.SmallestNonzeroFloat32)
	for i, re := range r.objectRe.Data {
		im := r.objectIm.Data[i]
		patch = max(patch, re*re+im*im)
	}
	scale(r.objectGradRe.Data, 1/peak)
	scale(r.objectGradIm.Data, 1/peak)
	m.object.lay(m.canvas.at(m.x[id], m.y[id]), m.n, r.objectGradRe.Data, r.objectGradIm.Data)
	if moving.places {
		m.places.move(r.members)
	}
	if !moving.probe {
		return
	}
	for i, re := range r.probeGradRe.Data {
		m.probeRe.Data[i] -= re / patch
		m.probeIm.Data[i] -= r.probeGradIm.Data[i] / patch
	}
}

func scale(v []float32, factor float32) {
	for i := range v {
		v[i] *= factor
	}
}
