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

// errBehind ends the calibration of a rival.
var errBehind = errors.New("another calibration is ahead")

// rival is the given probe, before its calibration.
type rival struct {
	state  *state
	common float64 // CommonLight
}

// challenge calibrates the given probe, too, and takes that calibration if its residual is lower than that of the probe
// in the focus found, or if that one has diverged: such a focus made up for another fault, and led away from the probe.
// found holds the passes of that one, fault its error. challenge returns an error if both diverge.
func (c *Calibration) challenge(ctx context.Context, r rival, found *state, fault error, e engine.Engine) error {
	limited, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	residual, err := r.state.calibrate(limited, e, func(pass Pass) {
		ahead := fault == nil && r.state.residualUntil(rivalPasses) >= found.residualUntil(rivalPasses)
		if ahead && pass.Number == rivalPasses {
			stop(errBehind)
		}
	})
	behind := ctx.Err() == nil && errors.Is(context.Cause(limited), errBehind)
	switch {
	case err == nil && (fault != nil || residual < c.Residual):
		*c = Calibration{Probe: r.state.firstMode(), Common: r.common, Residual: residual}
		return nil
	case err != nil && !behind && !errors.Is(err, ErrDiverged):
		return err
	}
	return fault
}

// residualUntil is the residual of the last pass up to the given one that was not undone, +Inf without one.
func (s *state) residualUntil(number int) float64 {
	residual := math.Inf(1)
	for _, pass := range s.history {
		if pass.Number <= number {
			residual = pass.Residual
		}
	}
	return residual
}
