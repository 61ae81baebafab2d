package solve

import (
	"context"
	"errors"
	"math"

	"ptyx/internal/recon/engine"
)

// rivalPasses is the number of passes after which the calibration of the given probe ends, if that of the probe in the
// focus found is ahead. The right one was ahead then on all scans that were tried (docs/dev/decisions.md).
const rivalPasses = 6

// asGiven calibrates the given probe, too, with which patterns have so much light in common. It takes that calibration
// if its residual is lower than that of the probe in the focus found: such a focus made up for another fault, and led
// away from the probe.
func (c *Calibration) asGiven(ctx context.Context, given, found *state, common float64, e engine.Engine) error {
	rival, stop := context.WithCancel(ctx)
	defer stop()
	behind := false
	residual, err := given.calibrate(rival, e, func(pass Pass) {
		if pass.Number == rivalPasses && !(pass.Residual < found.residualUntil(rivalPasses)) {
			behind = true
			stop()
		}
	})
	switch {
	case behind || errors.Is(err, ErrDiverged):
		return nil
	case err != nil:
		return err
	case residual < c.Residual:
		*c = Calibration{Probe: given.firstMode(), Common: common, Residual: residual}
	}
	return nil
}

// residualUntil is the residual of the last pass up to the given one, +Inf without one.
func (s *state) residualUntil(number int) float64 {
	residual := math.Inf(1)
	for _, pass := range s.history {
		if pass.Number <= number {
			residual = pass.Residual
		}
	}
	return residual
}
