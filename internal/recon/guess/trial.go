package guess

import (
	"context"
	"math"
	goruntime "runtime"

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
			fitted, err := solve.FitProbe(ctx, problem, passes, seed, 0)
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
