package workflow

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"

	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
)

// The share of the residual that positions from patches must remove. Those of a network's patches are known to about a
// pixel; the solver finds smaller errors itself. mostBetter is the share before the given probe is compared with
// others, muchBetter that afterwards.
const (
	muchBetter = 0.2
	mostBetter = 0.5
)

// findProbeAndPositions finds the probe of the problem, if it has none or a wrong one, and the positions of its
// patterns, if the solver refines them. Wrong positions look like a wrong probe, and the other way round. So positions
// that remove most of what the given probe leaves come first, if that probe then explains the patterns. Else the probe
// comes first, at the given positions. Where the defocus has the wrong sign, mirrored positions explain everything, so
// positions must resemble the given ones.
func (o SolveOptions) findProbeAndPositions(ctx context.Context, j *solution, scan *dataset.Scan) error {
	var found *located
	var err error
	if o.Solver.Positions && j.problem.Probe != nil {
		if found, err = j.locate(ctx); err != nil {
			return err
		}
	}
	given, x, y := j.problem, scan.X, scan.Y
	if found.better(mostBetter) && found.resembles(given.X, given.Y) {
		j.take(found)
		scan.X, scan.Y = found.x, found.y
		if err := o.findProbe(ctx, &j.problem, scan, j.log); err != nil || j.problem.Probe == given.Probe {
			return err
		}
		j.log.Info("even at these positions another probe is better, so ptyx finds that first, at the given positions")
		j.problem, scan.X, scan.Y, found = given, x, y, nil
	}
	if err := o.findProbe(ctx, &j.problem, scan, j.log); err != nil || !o.Solver.Positions {
		return err
	}
	if j.problem.Probe != given.Probe {
		if found, err = j.locate(ctx); err != nil {
			return err
		}
	}
	if found.better(muchBetter) && found.resembles(given.X, given.Y) {
		j.take(found)
	}
	return nil
}

// located are positions that were found from patches.
type located struct {
	x, y            []float64
	residual, given float64 // of short solutions with these positions, and with those of the problem
}

// better reports whether the positions leave so much less of the residual, a share of it.
func (l *located) better(share float64) bool { return l != nil && l.residual < (1-share)*l.given }

// resembles reports whether the positions correlate with others by more than a half: errors of a stage are smaller than
// its scan.
func (l *located) resembles(x, y []float64) bool {
	both := stat.Covariance(l.x, x, nil) + stat.Covariance(l.y, y, nil)
	found := stat.Variance(l.x, nil) + stat.Variance(l.y, nil)
	given := stat.Variance(x, nil) + stat.Variance(y, nil)
	return both > math.Sqrt(found*given)/2
}

// take replaces the positions of the problem. The solver's own steps, of up to 4 pixels, come after.
func (j *solution) take(l *located) {
	j.log.Info("the positions found replace the given ones")
	j.problem.GivenX, j.problem.GivenY = j.problem.X, j.problem.Y
	j.problem.X, j.problem.Y = l.x, l.y
}

// locate finds positions from patches. The result is nil if that is not possible.
func (j *solution) locate(ctx context.Context) (*located, error) {
	if j.problem.Object != nil || !j.solver.Method.OnEngine() || j.engine.Kind != engine.KindORT {
		return nil, nil // the object was made with these positions; or the network would take too long
	}
	given := j.problem
	if bytes := placingBytes(len(given.X), given.Patterns.Side()); bytes > mostPlacing {
		j.log.Warn("positions are refined from where they are: the patches of so many patterns do not fit into memory",
			"patterns", len(given.X), "MB", bytes/1e6, "limit_MB", mostPlacing/1e6)
		return nil, nil
	}
	j.say("finding positions from %d single patterns", len(given.X))
	found, err := placed(ctx, given, j.engine, j.log)
	if err != nil || found == nil {
		return nil, err
	}
	if found.Pairs < len(given.X) {
		j.log.Warn("positions are refined from where they are: too few neighbours could be registered", "pairs",
			found.Pairs, "patterns", len(given.X))
		return nil, nil
	}
	j.say("comparing them with the given positions by three short solutions")
	factor, err := coarseness(given)
	if err != nil {
		return nil, err
	}
	t := &trials{job: *j, problem: given, factor: factor}
	out := &located{x: found.X, y: found.Y, given: t.residual(ctx, given.X, given.Y)}
	out.residual = t.residual(ctx, found.X, found.Y)
	ownX, ownY := found.StretchedAs(given.X, given.Y)
	if v := t.residual(ctx, ownX, ownY); v < out.residual {
		out.x, out.y, out.residual = ownX, ownY, v
	}
	j.log.Info("positions found from single patterns", "pairs", found.Pairs, "pixels_from_given",
		fmt.Sprintf("%.2f", found.Given), "spread", fmt.Sprintf("%.2f", found.Spread), "residual",
		fmt.Sprintf("%.5f", out.residual), "residual_as_given", fmt.Sprintf("%.5f", out.given))
	return out, t.err
}
