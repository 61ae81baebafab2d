package validate

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/calibrate"
	"ptyx/internal/dataset"
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

	assign string // what makes these positions of the file's
}

// placing is a way to turn and mirror positions.
type placing struct {
	name, assign string
	of           func(x, y float64) (float64, float64)
}

// placings are the symmetries of the square, the file's own first.
func placings() []placing {
	return []placing{
		{"as given", "", func(x, y float64) (float64, float64) { return x, y }},
		{"x flipped", "xcoords = -xcoords", func(x, y float64) (float64, float64) { return -x, y }},
		{"y flipped", "ycoords = -ycoords", func(x, y float64) (float64, float64) { return x, -y }},
		{"both flipped", "xcoords, ycoords = -xcoords, -ycoords", func(x, y float64) (float64, float64) { return -x, -y }},
		{"swapped", "xcoords, ycoords = ycoords, xcoords", func(x, y float64) (float64, float64) { return y, x }},
		{"swapped, x flipped", "xcoords, ycoords = -ycoords, xcoords", func(x, y float64) (float64, float64) { return -y, x }},
		{"swapped, y flipped", "xcoords, ycoords = ycoords, -xcoords", func(x, y float64) (float64, float64) { return y, -x }},
		{"swapped, both flipped", "xcoords, ycoords = -ycoords, -xcoords", func(x, y float64) (float64, float64) { return -y, -x }},
	}
}

// orient tries the orientations on patterns with light, and positions in a random order, which show what chance explains.
func (r *Report) orient(ctx context.Context, scan *dataset.Scan, light []int, seed uint64) error {
	given, err := central(scan, light)
	if err != nil {
		return err
	}
	all := placings()
	trials := make([]calibrate.Data, 0, len(all)+1)
	for _, p := range all {
		trials = append(trials, placed(given, p.of))
	}
	results, err := explain(ctx, scan, append(trials, shuffled(given, seed)), seed)
	if err != nil {
		return err
	}
	for i, p := range all {
		r.Facts.Orientations = append(r.Facts.Orientations, Orientation{Name: p.name, Residual: last(results[i]), assign: p.assign})
	}
	random := last(results[len(all)])
	r.Facts.Tried, r.Facts.Shuffled = len(given.X), finite(random)
	turned := judge(r.Facts.Orientations, random)
	if r.add(turned...); len(turned) == 0 {
		r.add(calibrated(scan, results[0].Probe, r.Facts)...)
	}
	slices.SortStableFunc(r.Facts.Orientations, func(a, b Orientation) int { return cmp.Compare(a.Residual, b.Residual) })
	return nil
}

// judge compares the file's own orientation, the first, with the others and with chance.
func judge(all []Orientation, random float64) []Finding {
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
			Expected: "the orientation of the patterns", Fix: "save " + best.assign,
		}}
	}
	return nil
}

// explain runs ePIE on each trial.
func explain(ctx context.Context, scan *dataset.Scan, trials []calibrate.Data, seed uint64) ([]*calibrate.Result, error) {
	results := make([]*calibrate.Result, len(trials))
	var g errgroup.Group
	g.SetLimit(goruntime.GOMAXPROCS(0))
	for i, data := range trials {
		g.Go(func() (err error) {
			if results[i], err = calibrate.Probe(ctx, data, scan.Probe, passes, seed); err != nil {
				return fmt.Errorf("trying orientations: %w", err)
			}
			return nil
		})
	}
	return results, g.Wait()
}

// last is the residual of the last pass.
func last(r *calibrate.Result) float64 { return r.Residual[passes-1] }

// central are those patterns of a list that are nearest to the middle of the scan.
func central(scan *dataset.Scan, light []int) (calibrate.Data, error) {
	var x, y []float64
	for _, id := range light {
		x, y = append(x, scan.X[id]), append(y, scan.Y[id])
	}
	var d calibrate.Data
	var ids []int
	for _, i := range calibrate.Middle(x, y, tried) {
		ids, d.X, d.Y = append(ids, light[i]), append(d.X, x[i]), append(d.Y, y[i])
	}
	var err error
	if d.Patterns, err = scan.LoadSelected(ids); err != nil {
		return d, fmt.Errorf("reading the central patterns: %w", err)
	}
	return d, nil
}

// placed are the same patterns at other positions.
func placed(d calibrate.Data, of func(x, y float64) (float64, float64)) calibrate.Data {
	out := calibrate.Data{Patterns: d.Patterns}
	for i := range d.X {
		x, y := of(d.X[i], d.Y[i])
		out.X, out.Y = append(out.X, x), append(out.Y, y)
	}
	return out
}

// shuffled gives each pattern another's position.
func shuffled(d calibrate.Data, seed uint64) calibrate.Data {
	out := calibrate.Data{Patterns: d.Patterns}
	for _, i := range rand.New(rand.NewPCG(seed, streamShuffle)).Perm(len(d.X)) {
		out.X, out.Y = append(out.X, d.X[i]), append(out.Y, d.Y[i])
	}
	return out
}

// streamShuffle keeps this draw apart from others of the same seed.
const streamShuffle = 0x707479780300
