package workflow

import (
	"context"
	"errors"
	"fmt"
	"math"

	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/place"
	"ptyx/internal/recon/solve"
)

// settlePasses is the number of passes of each of two solutions. The first 10 to 15 of them have several batches; only
// those after solve for all positions together.
const settlePasses = 30

// freeGain is the share of the residual that a probe that moves must remove. With a defocus that is wrong by a fifth it
// removes a third and more. If the scale is wrong, the other solution may not have converged in so few passes.
const freeGain = 0.05

// settle finds errors that the positions of a scan share, such as a wrong scale or a drift, by two solutions: one with
// the probe as given, one in which it moves. A wrong scale and a wrong defocus explain nearly the same patterns. A
// probe that moves takes up the error of the scale; positions take up the error of a probe that stays. The better fit
// shows which of the two is wrong. If it is the probe that moved, the scale stays as given. Both use the Poisson
// likelihood: the root of few counts is too low on average, so that patterns seem narrower, and the scan larger by up
// to 0.4%. For the same reason, the solver keeps the scale found.
func (j *solution) settle(ctx context.Context) error {
	if j.problem.Object != nil || !j.solver.Method.OnEngine() || j.engine.Kind != engine.KindORT ||
		j.tiles.Cluster.URL != "" || j.solver.Freeze != (solve.Freeze{}) {
		return nil
	}
	j.say("finding errors that all positions share by two solutions of %d passes", settlePasses)
	var free *solve.Solution
	held, err := j.settled(ctx, solve.Freeze{Probe: settlePasses})
	if err == nil {
		free, err = j.settled(ctx, solve.Freeze{Positions: settlePasses / 2}) // the probe moves first
	}
	if errors.Is(err, solve.ErrDiverged) {
		j.log.Warn("errors that all positions share are not looked for", "error", err)
		return nil
	}
	if err != nil {
		return err
	}
	given, best, probe := j.problem, held, "as given"
	x, y := held.X, held.Y
	if free.Residual < (1-freeGain)*held.Residual {
		best, probe = free, "moving"
		x, y = (&place.Placement{X: free.X, Y: free.Y}).SizedAs(given.X, given.Y)
	}
	moved := 0.0
	for i := range x {
		moved += (math.Pow(x[i]-given.X[i], 2) + math.Pow(y[i]-given.Y[i], 2)) / float64(len(x))
	}
	j.log.Info("positions found from the complete scan", "probe", probe, "residual", fmt.Sprintf("%.5f", best.Residual),
		"residual_probe_as_given", fmt.Sprintf("%.5f", held.Residual), "residual_probe_moving",
		fmt.Sprintf("%.5f", free.Residual), "pixels_moved", fmt.Sprintf("%.2f", math.Sqrt(moved)))
	if given.GivenX == nil {
		j.problem.GivenX, j.problem.GivenY = given.X, given.Y
	}
	j.problem.X, j.problem.Y, j.solver.KeepStretch = x, y, true
	return nil
}

func (j *solution) settled(ctx context.Context, f solve.Freeze) (*solve.Solution, error) {
	job := *j
	job.progress = nil
	job.solver.Passes, job.solver.Freeze, job.solver.Joint = settlePasses, f, true
	job.solver.Likelihood = solve.Poisson
	job.solver.Resume, job.solver.Checkpoint, job.solver.SaveEvery = "", "", 0
	return job.solve(ctx)
}
