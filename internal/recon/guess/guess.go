// Package guess makes a first probe of a scan that has none, from its patterns alone. The root of the mean pattern is
// the modulus of the probe's far field, blurred by the object. Its phase is found by trial: candidates of many widths,
// before and behind the focus, are fitted together with the object to a few patterns, and the one that explains them
// best is kept. The positions settle what patterns alone leave open: the wrong sign of the defocus, or the twin
// image, moves shadows the wrong way from pattern to pattern and explains them badly.
//
// The package stands above solve, whose passes of ePIE fit the candidates, and dataset. All draws have a seed.
package guess

import (
	"context"
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
)

// Guess is a probe found by trial.
type Guess struct {
	Probe    *ndarray.Complex64 // (N, N), in the units of the patterns
	Residual float64            // sum (|F| - d)^2 / sum d^2, with the object that was fitted with it
	Tried    int                // candidates
	Patterns int                // that tried them
}

// rounds narrow the choice. Several placements are compared with fewer trials each.
func rounds(candidates, placements int) []round {
	if placements > 1 {
		return []round{{candidates, tryOut * 4 / 10, 4}, {4, tryOut, 6}, {1, tryOut, 12}}
	}
	return []round{{candidates, tryOut * 6 / 10, 4}, {12, tryOut, 6}, {4, tryOut, 12}}
}

// Placement moves positions: it turns them, or gives them to other patterns.
type Placement func(x, y []float64) (newX, newY []float64)

// inPlace is the placement that leaves positions as they are.
func inPlace(x, y []float64) (newX, newY []float64) { return x, y }

// FromPatterns guesses the probe of a scan. It reads about a thousand patterns at most, whatever their number. Two
// calls with the same seed give the same bytes. A scan without light is a *badinput.Error.
func FromPatterns(ctx context.Context, scan *dataset.Scan, seed uint64) (*Guess, error) {
	all, err := Compare(ctx, scan, seed, inPlace)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// Compare guesses a probe for each of some placements of the positions. The smaller its residual, the better the
// placement explains the patterns. Positions turned by half a turn always explain them as well: with the twin image.
func Compare(ctx context.Context, scan *dataset.Scan, seed uint64, placements ...Placement) ([]*Guess, error) {
	b, err := newBench(ctx, scan, seed)
	if err != nil {
		return nil, err
	}
	first := b.candidates()
	contests := make([]*contest, len(placements))
	for i, place := range placements {
		contests[i] = &contest{place: place}
		for _, t := range first {
			own := *t
			contests[i].trials = append(contests[i].trials, &own)
		}
	}
	if err := narrow(ctx, b.problem, contests, rounds(len(first), len(placements)), seed); err != nil {
		return nil, err
	}
	var all []*Guess
	for _, c := range contests {
		best := c.trials[0]
		all = append(all, &Guess{
			Probe: centred(b.enlarged(best.probe)), Residual: best.residual, Tried: len(first),
			Patterns: len(b.problem.X),
		})
	}
	return all, nil
}

// central is a problem with the given number of patterns in the middle.
func central(p solve.Problem, count int) solve.Problem {
	return p.Selected(solve.Central(p.X, p.Y, count))
}

// centred moves a probe until its light is around the middle, as those of optics are. The patterns leave a common shift
// of probe and object open, and the fit may have drifted.
func centred(probe *ndarray.Complex64) *ndarray.Complex64 {
	n := probe.Shape[0]
	light := make([]float64, len(probe.Data))
	for i, v := range probe.Data {
		light[i] = float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))
	}
	row, col, _ := spectrum.Centroid(light, n)
	half := float64(n / 2)
	return optics.ShiftProbe(probe, math.Remainder(half-row, float64(n)), math.Remainder(half-col, float64(n)))
}
