package evaluate

import (
	"math"
	"slices"

	"ptyx/internal/format/render"
	"ptyx/internal/quality/metrics"
)

// draw shows amplitude and phase of both objects and their differences over the compared region, and the FRC curve.
func (r *Result) draw(path string) error {
	reconAmplitude, referenceAmplitude := r.aligned.Amplitudes()
	reconPhase, referencePhase := r.aligned.Phases()
	return render.Sheet(path, [][]render.Cell{
		r.row("amplitude", "", reconAmplitude, referenceAmplitude, render.Sequential),
		r.row("phase", " (rad)", reconPhase, referencePhase, render.Grey),
		{frcChart("Fourier ring correlation of the complex objects", "reconstruction and reference", r.frc)},
	})
}

// row is reconstruction, reference, both over the reference's range, and difference.
func (r *Result) row(quantity, unit string, recon, reference []float64, colours render.Colormap) []render.Cell {
	low, high := render.RobustRange(reference, r.aligned.Mask)
	difference, sizes := make([]float64, len(recon)), make([]float64, len(recon))
	for i := range recon {
		difference[i] = recon[i] - reference[i]
		sizes[i] = math.Abs(difference[i])
	}
	_, largest := render.RobustRange(sizes, r.aligned.Mask)
	panel := func(title string, values []float64, colours render.Colormap, low, high float64) render.Cell {
		region := r.aligned.Region
		return &render.Panel{
			Title: title + " " + quantity, Row: region.Row, Col: region.Col, H: region.Height, W: region.Width,
			Values: values, Shown: r.aligned.Mask, Map: colours, Low: low, High: high, Label: quantity + unit,
		}
	}
	return []render.Cell{
		panel("reconstructed", recon, colours, low, high),
		panel("reference", reference, colours, low, high),
		panel("difference of", difference, render.Diverging, -largest, largest),
	}
}

// frcChart draws a curve with its two thresholds; more are curves of the same rings.
func frcChart(title, name string, f metrics.FRC, more ...render.Curve) *render.Chart {
	seventh := slices.Repeat([]float64{1.0 / 7}, len(f.Frequency))
	curves := append([]render.Curve{{Name: name, X: f.Frequency, Y: f.Correlation}}, more...)
	return &render.Chart{
		Title: title, X: "spatial frequency (cycles per pixel)", Y: "correlation", Width: 700,
		Curves: append(curves,
			render.Curve{Name: "1/2 bit", X: f.Frequency, Y: f.HalfBit, Dashed: true},
			render.Curve{Name: "1/7", X: f.Frequency, Y: seventh, Dashed: true}),
	}
}
