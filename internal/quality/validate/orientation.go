package validate

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

const (
	fewest = 9   // patterns, of which orientations can be told
	tried  = 120 // patterns at most
	passes = 6   // of ePIE, the first with the probe as given

	clearly = 0.8 // of the residual as given: a smaller one is no chance
	chance  = 0.9 // of the residual with positions in a random order: a larger one is no explanation
)

// Orientation is one of the eight ways to turn and mirror the positions, and how well the patterns are explained with it.
type Orientation struct {
	Name     string  `json:"name"`
	Residual float64 `json:"residual"` // sum (|F| - d)^2 / sum d^2, of the last pass

	placing placing
}

// placing is a way to turn and mirror positions: axes exchanged first, as the flags of a dataset.View have it.
type placing struct {
	swap, flipX, flipY bool
	assign             string // what makes these positions of the file's
}

// placings are the symmetries of the square, the file's own first.
func placings() []placing {
	return []placing{
		{},
		{false, true, false, "xcoords = -xcoords"},
		{false, false, true, "ycoords = -ycoords"},
		{false, true, true, "xcoords, ycoords = -xcoords, -ycoords"},
		{true, false, false, "xcoords, ycoords = ycoords, xcoords"},
		{true, true, false, "xcoords, ycoords = -ycoords, xcoords"},
		{true, false, true, "xcoords, ycoords = ycoords, -xcoords"},
		{true, true, true, "xcoords, ycoords = -ycoords, -xcoords"},
	}
}

func (p placing) of(x, y float64) (float64, float64) {
	if p.swap {
		x, y = y, x
	}
	if p.flipX {
		x = -x
	}
	if p.flipY {
		y = -y
	}
	return x, y
}

func (p placing) name() string {
	var parts []string
	if p.swap {
		parts = append(parts, "swapped")
	}
	switch {
	case p.flipX && p.flipY:
		parts = append(parts, "both flipped")
	case p.flipX:
		parts = append(parts, "x flipped")
	case p.flipY:
		parts = append(parts, "y flipped")
	}
	return cmp.Or(strings.Join(parts, ", "), "as given")
}

// flags are those of the commands that place positions so.
func (p placing) flags() string {
	var flags []string
	for _, f := range []struct {
		set  bool
		name string
	}{{p.swap, "--swap-xy"}, {p.flipX, "--flip-x"}, {p.flipY, "--flip-y"}} {
		if f.set {
			flags = append(flags, f.name)
		}
	}
	return strings.Join(flags, " ")
}

// fix is how to place positions so that are looked at in a view already.
func (p placing) fix(v dataset.View) string {
	given := placing{swap: v.SwapXY, flipX: v.FlipX, flipY: v.FlipY}
	if given == (placing{}) {
		return fmt.Sprintf("say %s, or save %s", p.flags(), p.assign)
	}
	before := given
	if p.swap {
		before.flipX, before.flipY = given.flipY, given.flipX
	}
	whole := placing{swap: given.swap != p.swap, flipX: before.flipX != p.flipX, flipY: before.flipY != p.flipY}
	if whole == (placing{}) {
		return "leave out " + given.flags()
	}
	return fmt.Sprintf("say %s in place of %s", whole.flags(), given.flags())
}

// orient tries the orientations on patterns with light, and positions in a random order, which show what chance explains.
func (r *Report) orient(ctx context.Context, scan *dataset.Scan, light []int, o Options) error {
	given, err := central(scan, light)
	if err != nil {
		return err
	}
	all := placings()
	trials := make([]solve.Problem, 0, len(all)+1)
	for _, p := range all {
		trials = append(trials, placed(given, p.of))
	}
	results, err := explain(ctx, append(trials, shuffled(given, o.Seed)), o.Seed)
	if err != nil {
		return err
	}
	for i, p := range all {
		r.Facts.Orientations = append(r.Facts.Orientations, Orientation{Name: p.name(), Residual: last(results[i]), placing: p})
	}
	random := last(results[len(all)])
	r.Facts.Tried, r.Facts.Shuffled = len(given.X), finite(random)
	turned := judge(r.Facts.Orientations, random, o.View)
	if r.add(turned...); len(turned) == 0 {
		r.add(calibrated(scan, results[0].Probe, r.Facts)...)
	}
	slices.SortStableFunc(r.Facts.Orientations, func(a, b Orientation) int { return cmp.Compare(a.Residual, b.Residual) })
	return nil
}

// judge compares the file's own orientation, the first, with the others and with chance.
func judge(all []Orientation, random float64, v dataset.View) []Finding {
	own := all[0]
	best := slices.MinFunc(all, func(a, b Orientation) int { return cmp.Compare(a.Residual, b.Residual) })
	switch {
	case best.Residual > chance*random:
		return []Finding{{
			Severity: Error, Check: "orientation", Key: coords,
			Found:    fmt.Sprintf("positions that explain the patterns hardly better than positions in a random order, residual %.3g and %.3g, however they are turned", best.Residual, random),
			Expected: "neighbouring patterns that agree on the object", Fix: "check that positions belong to their patterns, and are object pixels",
		}}
	case best.Residual < clearly*own.Residual:
		return []Finding{{
			Severity: Error, Check: "orientation", Key: coords,
			Found:    fmt.Sprintf("positions that explain the patterns better when %s: residual %.3g, as given %.3g", best.Name, best.Residual, own.Residual),
			Expected: "the orientation of the patterns", Fix: best.placing.fix(v),
		}}
	}
	return nil
}

// explain runs ePIE on each trial.
func explain(ctx context.Context, trials []solve.Problem, seed uint64) ([]*solve.Calibration, error) {
	results := make([]*solve.Calibration, len(trials))
	var g errgroup.Group
	g.SetLimit(goruntime.GOMAXPROCS(0))
	for i, data := range trials {
		g.Go(func() (err error) {
			if results[i], err = solve.Calibrate(ctx, data, passes, seed); err != nil {
				return fmt.Errorf("trying orientations: %w", err)
			}
			return nil
		})
	}
	return results, g.Wait()
}

// last is the residual of the last pass.
func last(r *solve.Calibration) float64 { return r.Residual[passes-1] }

// central are those patterns of a list that are nearest to the middle of the scan.
func central(scan *dataset.Scan, light []int) (solve.Problem, error) {
	var x, y []float64
	for _, id := range light {
		x, y = append(x, scan.X[id]), append(y, scan.Y[id])
	}
	d := solve.Problem{Measured: scan.Measured, Probe: scan.Probe}
	var ids []int
	for _, i := range solve.Central(x, y, tried) {
		ids, d.X, d.Y = append(ids, light[i]), append(d.X, x[i]), append(d.Y, y[i])
	}
	var err error
	if d.Patterns, err = scan.LoadSelected(ids); err != nil {
		return d, fmt.Errorf("reading the central patterns: %w", err)
	}
	return d, nil
}

// placed are the same patterns at other positions.
func placed(d solve.Problem, of func(x, y float64) (float64, float64)) solve.Problem {
	out := d
	out.X, out.Y = nil, nil
	for i := range d.X {
		x, y := of(d.X[i], d.Y[i])
		out.X, out.Y = append(out.X, x), append(out.Y, y)
	}
	return out
}

// shuffled gives each pattern another's position.
func shuffled(d solve.Problem, seed uint64) solve.Problem {
	out := d
	out.X, out.Y = nil, nil
	for _, i := range rand.New(rand.NewPCG(seed, streamShuffle)).Perm(len(d.X)) {
		out.X, out.Y = append(out.X, d.X[i]), append(out.Y, d.Y[i])
	}
	return out
}

// streamShuffle keeps this draw apart from others of the same seed.
const streamShuffle = 0x707479780300
