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
// A focus with less light in common leaves each pattern more freedom, so it must also be ahead after rivalPasses. found
// holds the passes of the probe in the focus found, fault its error. challenge returns an error if both diverge.
func (c *Calibration) challenge(ctx context.Context, r rival, found *state, fault error, e engine.Engine) error {
	limited, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ahead := fault == nil // the probe in the focus found
	residual, err := r.state.calibrate(limited, e, func(pass Pass) {
		if pass.Number != rivalPasses {
			return
		}
		if ahead = ahead && r.state.residualUntil(rivalPasses) >= found.residualUntil(rivalPasses); ahead {
			stop(errBehind)
		}
	})
	behind := ctx.Err() == nil && errors.Is(context.Cause(limited), errBehind)
	switch {
	case err == nil && (fault != nil || residual < c.Residual || !ahead && c.Common < r.common):
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
