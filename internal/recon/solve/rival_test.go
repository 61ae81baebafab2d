package solve

import (
	"math"
	"testing"

	"ptyx/internal/physics/optics"
)

// TestTheGivenProbeIsARival: of a probe as given and one in the focus found, the calibration of lower residual counts,
// and one that falls behind ends early.
func TestTheGivenProbeIsARival(t *testing.T) {
	t.Parallel()
	problem, truth := scanAndProbe(t, 60, 1e6)
	wrong := optics.NewDefocus(truth).Probe(3)
	engine := fast(t, 2)
	for _, c := range []struct {
		name          string
		given, found  Problem
		focus, common float64
		ended         bool
	}{
		{"the given one is right", problem.from(truth), problem.from(wrong), 0, 2, false},
		{"the found one is right", problem.from(wrong), problem.from(truth), -3, 1, true},
	} {
		found, err := calibrating(c.found, CalibrationPasses, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		r := &Calibration{Focus: -3, Common: 1, given: optics.NewDefocus(c.given.Probe)}
		if err := r.fit(t.Context(), found, engine); err != nil {
			t.Fatal(err)
		}
		given, err := calibrating(c.given, CalibrationPasses, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.asGiven(t.Context(), given, found, 2, engine); err != nil {
			t.Fatal(err)
		}
		if r.Focus != c.focus || r.Common != c.common || likeness(r.Probe, truth) < 0.99 {
			t.Errorf("%s: focus %v, common light %v, likeness %.4f", c.name, r.Focus, r.Common,
				likeness(r.Probe, truth))
		}
		if given.passes < rivalPasses || (given.passes == rivalPasses) != c.ended {
			t.Errorf("%s: %d passes", c.name, given.passes)
		}
	}
	if got := (&state{}).residualUntil(3); !math.IsInf(got, 1) {
		t.Errorf("residual %v without a pass", got)
	}
}
