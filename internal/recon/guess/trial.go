package guess

import (
	"cmp"
	"context"
	"math"
	goruntime "runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/solve"
)

// trial is a candidate, later its fit.
type trial struct {
	name     string // for tests and traces
	probe    *ndarray.Complex64
	residual float64
}

// round is a stage of the trials: the best candidates so far get so many passes more, from an empty object.
type round struct{ keep, patterns, passes int }

// contest compares trials with the same placement of the positions.
type contest struct {
	place  Placement
	trials []*trial // the best first, after narrow
	given  *trial   // one that all rounds keep; nil: none
}

// narrow makes the rounds of some contests.
func narrow(ctx context.Context, p solve.Problem, contests []*contest, rounds []round, seed uint64) error {
	for _, r := range rounds {
		part := central(p, r.patterns)
		var jobs []job
		for _, c := range contests {
			c.trials = c.trials[:min(len(c.trials), r.keep)]
			if c.given != nil && !slices.Contains(c.trials, c.given) {
				c.trials = append(c.trials, c.given)
			}
			placed := part
			placed.X, placed.Y = c.place(part.X, part.Y)
			for _, t := range c.trials {
				jobs = append(jobs, job{placed, t})
			}
		}
		if err := fitAll(ctx, jobs, r.passes, seed); err != nil {
			return err
		}
		for _, c := range contests {
			slices.SortStableFunc(c.trials, func(a, b *trial) int { return cmp.Compare(a.residual, b.residual) })
		}
	}
	return nil
}

// job is a trial on a problem.
type job struct {
	problem solve.Problem
	trial   *trial
}

// fitAll fits each candidate by so many passes, side by side. The residual of one that diverges is infinite.
func fitAll(ctx context.Context, jobs []job, passes int, seed uint64) error {
	var g errgroup.Group
	g.SetLimit(goruntime.GOMAXPROCS(0))
	for _, j := range jobs {
		g.Go(func() error {
			problem, t := j.problem, j.trial
			problem.Probe = t.probe
			fitted, err := solve.FitProbe(ctx, problem, passes, seed)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				t.residual = math.Inf(1)
				return nil
			}
			t.probe, t.residual = fitted.Probe, fitted.Residual[passes-1]
			return nil
		})
	}
	return g.Wait()
}
