package validate

import (
	"cmp"
	"fmt"
	goruntime "runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/recon/solve"
)

const (
	fewest = 9   // patterns that can tell orientations apart
	tried  = 120 // patterns at most
	passes = 6   // of ePIE; the first leaves the probe as given

	clearly = 0.8 // of the residual as given: a smaller one is no chance
	chance  = 0.9 // of the residual with positions in a random order: a larger one is no explanation
)

// Orientation is one of the eight ways to turn and mirror the positions, and how well the patterns are explained with
// it.
type Orientation struct {
	Name     string  `json:"name"`
	Residual float64 `json:"residual"` // sum (|F| - d)^2 / sum d^2 of the last pass

	placing placing
}

// trials are the results of ePIE with differently placed positions.
type trials struct {
	orientations []Orientation      // in the order of placings
	shuffled     float64            // residual with positions in a random order: what chance explains
	fitted       *ndarray.Complex64 // (N, N), the probe fitted with the positions as given
}

// orientation tries the eight orientations on the central patterns, if nothing else keeps the physics from explaining
// them. Without a probe it guesses one for each, which leaves four: positions turned by half a turn explain the
// patterns as well, with the twin image of the object.
func orientation(x *exam) []Finding {
	if len(x.light) < fewest || x.report.Errors() > 0 {
		return nil
	}
	try := x.tryOrientations
	if x.probe == nil {
		try = x.guessOrientations
	}
	if x.trials, x.err = try(); x.err != nil {
		return nil
	}
	all, random := x.trials.orientations, x.trials.shuffled
	byResidual := func(a, b Orientation) int { return cmp.Compare(a.Residual, b.Residual) }
	x.facts.Shuffled, x.facts.Orientations = finite(random), slices.Clone(all)
	slices.SortStableFunc(x.facts.Orientations, byResidual)
	switch given, best := all[0], slices.MinFunc(all, byResidual); {
	case best.Residual > chance*random:
		if wrong := x.surpassed(); wrong != nil || x.err != nil {
			return wrong
		}
		return []Finding{{
			Severity: Error, Key: x.scan.PositionsKey(),
			Found: fmt.Sprintf("positions that explain the patterns hardly better than positions in a random order, "+
				"residual %.3g and %.3g, however they are turned", best.Residual, random),
			Expected: "neighbouring patterns that agree on the object",
			Fix:      "check that positions belong to their patterns, and are object pixels",
		}}
	case best.Residual < clearly*given.Residual:
		return []Finding{{
			Severity: Error, Key: x.scan.PositionsKey(),
			Found: fmt.Sprintf("positions that explain the patterns better when %s: residual %.3g, as given %.3g",
				best.Name, best.Residual, given.Residual),
			Expected: "the orientation of the patterns", Fix: x.fix(best.placing) + x.orConjugate(best),
			placing: &best.placing,
		}}
	}
	return nil
}

// orConjugate is the other cause of positions that fit after half a turn: a probe whose defocus has the wrong sign. The
// patterns do not tell the two apart. A probe that was made from the patterns has no wrong sign.
func (x *exam) orConjugate(o Orientation) string {
	if x.probe == nil || o.placing != (placing{flipX: true, flipY: true, assign: o.placing.assign}) {
		return ""
	}
	return "; or, if the positions are right, the defocus of the probe has the wrong sign: save numpy.conj(probe)"
}

// tryOrientations runs ePIE on the central patterns with each placing of their positions, and in a random order.
func (x *exam) tryOrientations() (*trials, error) {
	given, err := x.central()
	if err != nil {
		return nil, err
	}
	x.facts.Tried = len(given.X)
	all := placings()
	problems := make([]solve.Problem, len(all)+1)
	for i := range problems {
		problems[i] = given
		problems[i].X, problems[i].Y = make([]float64, len(given.X)), make([]float64, len(given.X))
	}
	for k, random := range stream.New(x.options.Seed, "validate/shuffle").Perm(len(given.X)) {
		for i, p := range all {
			problems[i].X[k], problems[i].Y[k] = p.of(given.X[k], given.Y[k])
		}
		problems[len(all)].X[k], problems[len(all)].Y[k] = given.X[random], given.Y[random]
	}
	results := make([]*solve.Fit, len(problems))
	var g errgroup.Group
	g.SetLimit(goruntime.GOMAXPROCS(0))
	for i, problem := range problems {
		g.Go(func() (err error) {
			if results[i], err = solve.FitProbe(x.ctx, problem, passes, x.options.Seed); err != nil {
				return fmt.Errorf("trying orientations: %w", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	residual := func(i int) float64 { return results[i].Residual[passes-1] }
	t := &trials{fitted: results[0].Probe, shuffled: residual(len(all))}
	for i, p := range all {
		t.orientations = append(t.orientations, Orientation{Name: p.name(), Residual: residual(i), placing: p})
	}
	return t, nil
}

// central lists the patterns with light that are nearest to the middle of the scan.
func (x *exam) central() (solve.Problem, error) {
	var cols, rows []float64
	for _, id := range x.light {
		cols, rows = append(cols, x.scan.X[id]), append(rows, x.scan.Y[id])
	}
	p := solve.Problem{Measured: x.scan.Measured, Probe: x.probe}
	var ids []int
	for _, i := range solve.Central(cols, rows, tried) {
		ids, p.X, p.Y = append(ids, x.light[i]), append(p.X, cols[i]), append(p.Y, rows[i])
	}
	patterns, err := x.scan.LoadSelected(ids)
	if err != nil {
		return p, fmt.Errorf("reading the central patterns: %w", err)
	}
	p.Patterns = solve.Amplitudes{Float32: patterns}
	return p, nil
}
