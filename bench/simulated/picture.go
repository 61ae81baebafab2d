package main

import (
	"fmt"
	"math"
	"path/filepath"

	"ptyx/internal/format/render"
	"ptyx/internal/quality/metrics"
)

// draw shows, for the first seed and the largest gridsize, the phase at each number of photons beside the truth, and
// the SSIM of the phase for all kinds, before and after refinement.
func (b *bench) draw(path string, g grid, cells []*cell) error {
	gridsize := g.gridsizes[len(g.gridsizes)-1]
	var rows [][]render.Cell
	for _, kind := range g.kinds {
		row, err := b.phases(g, kind, gridsize)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	rows = append(rows, []render.Cell{curves(g, cells, plain, "phase, by the network alone")},
		[]render.Cell{curves(g, cells, refined, fmt.Sprintf("phase, after %d passes of the solver", refinement))})
	return render.Sheet(path, rows)
}

// phases is a row of pictures: a number of photons each, then the truth, all over the truth's range.
func (b *bench) phases(g grid, kind string, gridsize int) ([]render.Cell, error) {
	var row []render.Cell
	var last *metrics.Aligned
	for _, p := range g.photons {
		t := b.photonTrial(kind, gridsize, p, g.seeds[0], g.epochs)
		pair, err := aligned(filepath.Join(b.object(t.name, plain), "reconstruction.npz"), b.scan(t.name))
		if err != nil {
			return nil, err
		}
		recon, _ := pair.Phases()
		row = append(row, panel(fmt.Sprintf("%s, %.0e photons", kind, p), pair, recon))
		last = pair
	}
	_, truth := last.Phases()
	return append(row, panel(kind+", truth", last, truth)), nil
}

func panel(title string, pair *metrics.Aligned, values []float64) render.Cell {
	_, truth := pair.Phases()
	low, high := render.RobustRange(truth, pair.Mask)
	return &render.Panel{
		Title: title, Row: pair.Region.Row, Col: pair.Region.Col, H: pair.Region.Height, W: pair.Region.Width,
		Values: values, Shown: pair.Mask, Map: render.Grey, Low: low, High: high, Label: "phase (rad)",
	}
}

// curves plot the phase's SSIM against photons for one of a trial's objects, one curve for each kind.
func curves(g grid, cells []*cell, name, title string) render.Cell {
	gridsize := g.gridsizes[len(g.gridsizes)-1]
	chart := &render.Chart{
		Title: title, X: "photons per pattern (power of ten)", Y: "SSIM", Width: 700,
	}
	for _, kind := range g.kinds {
		curve := render.Curve{Name: kind}
		for _, c := range cells {
			if c.kind == kind && c.gridsize == gridsize {
				curve.X = append(curve.X, math.Log10(c.photons))
				curve.Y = append(curve.Y, median(c.values(name, func(m measures) float64 { return m.SSIMPhase })))
			}
		}
		chart.Curves = append(chart.Curves, curve)
	}
	return chart
}
