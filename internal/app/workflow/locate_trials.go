package workflow

import (
	"context"
	"errors"
	"math"

	"ptyx/internal/recon/solve"
)

// trials compare positions of a scan by the residual that a short solution leaves.
type trials struct {
	job     solution
	problem solve.Problem // as given
	factor  int           // of the detector's crop
	err     error
}

// trialPasses is the number of passes of a trial: with 12, true positions have a tenth of the residual of those that
// are wrong by 7 pixels.
const trialPasses = 12

// residual is that of a short solution with other positions; infinite if it diverges, or after an error.
func (t *trials) residual(ctx context.Context, x, y []float64) float64 {
	if t.err != nil {
		return math.Inf(1)
	}
	p := t.problem
	p.X, p.Y, p.Object = x, y, nil
	if t.factor > 1 {
		p = p.Coarse(t.factor)
	}
	job := t.job
	job.problem, job.progress = p, nil
	job.solver = solve.Defaults(trialPasses)
	job.solver.Seed = t.job.solver.Seed
	s, err := job.solve(ctx)
	if errors.Is(err, solve.ErrDiverged) {
		return math.Inf(1)
	}
	if err != nil {
		t.err = err
		return math.Inf(1)
	}
	return s.Residual
}

// centralShare is the least share of the light that trials keep if they crop the detector: a cone with a central stop
// has its light outside.
const centralShare = 0.9

// coarseness is the factor by which trials crop the detector: 2 where patterns are wide enough and bright in the
// middle.
func coarseness(p solve.Problem) (int, error) {
	const factor = 2
	if n := p.Patterns.Side(); n%(2*factor) != 0 || n < 96 {
		return 1, nil
	}
	all, err := p.Light()
	if err != nil {
		return 0, err
	}
	if kept, err := p.Coarse(factor).Light(); err != nil || kept < centralShare*all {
		return 1, err
	}
	return factor, nil
}
