package solve

import (
	"context"
	"errors"
	"math"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// TestTheGivenProbeIsARival: of a probe as given and one in the focus found, the calibration of lower residual counts,
// and one that falls behind ends early. A fault of the found one lets the given one go on.
func TestTheGivenProbeIsARival(t *testing.T) {
	t.Parallel()
	problem, truth := scanAndProbe(t, 60, 1e6)
	wrong := optics.NewDefocus(truth).Probe(3)
	engine := fast(t, 2)
	for _, c := range []struct {
		name         string
		given, found *ndarray.Complex64
		common       float64 // of the one found; that of the given one is 2
		residual     float64 // of the one found, in place of its own; 0: its own
		fault        error
		taken, whole bool
	}{
		{"the given one is right", truth, wrong, 1, 0, nil, true, true},
		{"the found one is right", wrong, truth, 1, 0, nil, false, false},
		{"the given one is ahead, and loses", truth, wrong, 3, 1e-9, nil, false, true},
		{"the found one shares less light, and wins late", truth, wrong, 1, 1e-9, nil, true, true},
		{"the found one has diverged", wrong, truth, 1, 0, ErrDiverged, true, true},
	} {
		states := map[*ndarray.Complex64]*state{}
		for _, probe := range []*ndarray.Complex64{c.given, c.found} {
			s, err := calibrating(problem.from(probe), CalibrationPasses, 1, 2)
			if err != nil {
				t.Fatal(err)
			}
			states[probe] = s
		}
		given, found := states[c.given], states[c.found]
		r := &Calibration{Focus: -3, Common: c.common, given: optics.NewDefocus(c.given)}
		var err error
		if r.Residual, err = found.calibrate(t.Context(), engine, func(Pass) {}); err != nil {
			t.Fatal(err)
		}
		if c.residual > 0 {
			r.Residual = c.residual
		}
		if err := r.challenge(t.Context(), rival{given, 2}, found, c.fault, engine); err != nil {
			t.Fatal(err)
		}
		if taken := r.Focus == 0 && r.Common == 2 && r.Probe != nil; taken != c.taken {
			t.Errorf("%s: focus %v, common light %v", c.name, r.Focus, r.Common)
		}
		if want := map[bool]int{true: CalibrationPasses, false: rivalPasses}[c.whole]; given.passes != want {
			t.Errorf("%s: %d passes, want %d", c.name, given.passes, want)
		}
	}
}

// TestARivalStopsOnCancel: the user's cancel is no defeat.
func TestARivalStopsOnCancel(t *testing.T) {
	t.Parallel()
	problem, truth := scanAndProbe(t, 20, 1e6)
	given, err := calibrating(problem.from(truth), CalibrationPasses, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &Calibration{Focus: 1, Residual: 1}
	if err := c.challenge(ctx, rival{given, 2}, &state{}, nil, fast(t, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func TestResidualUntil(t *testing.T) {
	t.Parallel()
	s := &state{history: []Pass{{Number: 1, Residual: 5}, {Number: 2, Residual: 4}, {Number: 4, Residual: 3}}}
	for number, want := range []float64{math.Inf(1), 5, 4, 4, 3, 3} {
		if got := s.residualUntil(number); got != want {
			t.Errorf("until pass %d: %v, want %v", number, got, want)
		}
	}
}
