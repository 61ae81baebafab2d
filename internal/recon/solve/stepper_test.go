package solve

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
)

// TestRunsDivideABatch: the runs of a first batch are equal but for a few empty slots.
func TestRunsDivideABatch(t *testing.T) {
	for _, c := range []struct{ n, lit, batch, want int }{
		{64, 516, 0, 17}, {64, 512, 0, 16}, {64, 516, 1, 1}, {64, 516, 7, 4}, {64, 40, 0, 20}, {64, 0, 0, 1},
		{128, 516, 0, 5}, {32, 516, 0, 33}, {512, 64, 0, 1},
	} {
		s := &state{n: c.n, lit: make([]int, c.lit), options: Options{BatchSize: c.batch, Modes: 1}}
		if got := s.patternsPerRun(2); got != c.want {
			t.Errorf("%+v: %d patterns a run", c, got)
		}
	}
}

// TestRunsAreTakenInTurn: each replica's results are taken in the order of the members, and a fault ends all.
func TestRunsAreTakenInTurn(t *testing.T) {
	var runs atomic.Int32
	s := &state{n: 2, patterns: Amplitudes{ndarray.New[float32](9, 2, 2)}, x: make([]float64, 9), y: make([]float64, 9)}
	s.box = frame.Cover(s.x, s.y, s.n)
	s.object = newPlane(s.box)
	st := &stepper{state: s, patterns: 2}
	for range 3 {
		a := newStepArrays(stepConfig{n: 2, patterns: 2, modes: 1}, nil, nil)
		st.replicas = append(st.replicas, &replica{stepArrays: a, binding: counting{&runs}})
	}
	members, taken := []int{8, 3, 5, 1, 0, 2, 7, 4, 6}, []int(nil)
	take := func(r *replica) error { taken = append(taken, r.members...); return nil }
	if err := st.each(members, take); err != nil || !slices.Equal(taken, members) || runs.Load() != 5 {
		t.Errorf("taken %v after %d runs (%v), want %v after 5", taken, runs.Load(), err, members)
	}
	fault, calls := errors.New("no"), 0
	err := st.each(members, func(*replica) error {
		if calls++; calls == 2 {
			return fault
		}
		return nil
	})
	if !errors.Is(err, fault) || calls != 2 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// counting is a binding that counts its runs.
type counting struct{ runs *atomic.Int32 }

var _ engine.Binding = counting{}

func (c counting) Run() error { c.runs.Add(1); return nil }
func (counting) Close() error { return nil }
