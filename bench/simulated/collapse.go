package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// setting is a kind of training that is repeated with many seeds.
type setting struct {
	n, positions, seeds, epochs int
}

// collapse trains with many seeds, each with its own object, scan and noise, and shows whether one ends at a constant
// object.
func collapse(ctx context.Context, b *bench) error {
	settings := []setting{{n: 64, positions: 144, seeds: 20, epochs: 6}, {n: 128, positions: 100, seeds: 5, epochs: 6}}
	if b.quick {
		settings = []setting{{n: 64, positions: 49, seeds: 2, epochs: 1}}
	}
	var table strings.Builder
	table.WriteString("| N | patterns | epochs | seeds | correlation, lowest, median | " +
		"deviation of the phase from its mean, lowest (rad; the truth's) | time each |\n")
	table.WriteString("| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, s := range settings {
		var runs []*found
		for seed := 1; seed <= s.seeds; seed++ {
			r, err := b.measured(ctx, b.collapseTrial(s, seed))
			if err != nil {
				return err
			}
			runs = append(runs, r)
		}
		table.WriteString(collapseRow(s, runs))
	}
	return b.insert("collapse", table.String())
}

// collapseTrial is the default command for any N. The probe and the step grow with N, so that patches overlap equally.
func (b *bench) collapseTrial(s setting, seed int) trial {
	kinds := []string{"star", "lines", "blobs"}
	name := fmt.Sprintf("n%d-s%d", s.n, seed)
	return trial{
		name: name,
		simulate: command{"simulate", "--quiet", "--object", kinds[seed%len(kinds)], "--n", fmt.Sprint(s.n),
			"--positions", fmt.Sprint(s.positions),
			"--probe-size", fmt.Sprint(20 * s.n / 64), "--step", fmt.Sprint(8 * s.n / 64), "--seed", fmt.Sprint(seed),
			"--out", b.scan(name)},
		train: command{"train", "--quiet", "--train-data-file", b.scan(name), "--output-dir", b.model(name),
			"--max-epochs", fmt.Sprint(s.epochs), "--seed", fmt.Sprint(seed)},
		objects: []object{{plain, b.infer(name, plain)}},
	}
}

func collapseRow(s setting, runs []*found) string {
	var correlation, deviation, truth, seconds []float64
	for _, r := range runs {
		m := r.Objects[plain]
		correlation, deviation = append(correlation, m.Correlation), append(deviation, m.PhaseDeviation)
		truth, seconds = append(truth, m.TruePhaseDeviation), append(seconds, r.Seconds)
	}
	lowest := slices.Index(deviation, slices.Min(deviation))
	return fmt.Sprintf("| %d | %d | %d | %d | %.3f, %.3f | %.3f (%.3f) | %.0f s |\n", s.n, s.positions, s.epochs,
		len(runs),
		slices.Min(correlation), median(correlation), deviation[lowest], truth[lowest], median(seconds))
}
