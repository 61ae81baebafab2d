package validate

import (
	"fmt"

	"ptyx/internal/base/stream"
	"ptyx/internal/recon/guess"
)

// guessOrientations guesses a probe for each placing of the positions, and for positions in a random order. Of two
// placings that differ by half a turn, it takes the one with fewer flips.
func (x *exam) guessOrientations() (*trials, error) {
	var distinct []placing
	var all []guess.Placement
	for _, p := range placings() {
		if p.flipY {
			continue // x flipped is y flipped after half a turn
		}
		distinct = append(distinct, p)
		all = append(all, func(x, y []float64) (newX, newY []float64) {
			for i := range x {
				px, py := p.of(x[i], y[i])
				newX, newY = append(newX, px), append(newY, py)
			}
			return newX, newY
		})
	}
	all = append(all, func(px, py []float64) (newX, newY []float64) {
		for _, k := range stream.New(x.options.Seed, "validate/guessed").Perm(len(px)) {
			newX, newY = append(newX, px[k]), append(newY, py[k])
		}
		return newX, newY
	})
	guesses, err := guess.Compare(x.ctx, x.scan, x.options.Seed, all...)
	if err != nil {
		return nil, fmt.Errorf("making a probe from the patterns: %w", err)
	}
	t := &trials{shuffled: guesses[len(distinct)].Residual, fitted: guesses[0].Probe}
	for i, p := range distinct {
		t.orientations = append(t.orientations, Orientation{Name: p.name(), Residual: guesses[i].Residual, placing: p})
	}
	x.facts.Tried, x.facts.Guessed = guesses[0].Patterns, true
	x.facts.addProbe(guesses[0].Probe)
	return t, nil
}
