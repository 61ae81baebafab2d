package evaluate

import (
	"math"
	"slices"

	"ptyx/internal/format/render"
)

// draw shows amplitude and phase of both objects and their differences over the compared region, and the FRC curve.
func (r *Result) draw(path string) error {
	reconAmplitude, referenceAmplitude := r.aligned.Amplitudes()
	reconPhase, referencePhase := r.aligned.Phases()
	return render.Sheet(path, [][]render.Cell{
		r.row("amplitude", "", reconAmplitude, referenceAmplitude, render.Sequential),
		r.row("phase", " (rad)", reconPhase, referencePhase, render.Grey),
		{r.chart()},
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

func (r *Result) chart() render.Cell {
	seventh := slices.Repeat([]float64{1.0 / 7}, len(r.frc.Frequency))
	return &render.Chart{
		Title: "Fourier ring correlation of the complex objects",
		X:     "spatial frequency (cycles per pixel)", Y: "correlation", Width: 700,
		Curves: []render.Curve{
			{Name: "reconstruction and reference", X: r.frc.Frequency, Y: r.frc.Correlation},
			{Name: "1/2 bit", X: r.frc.Frequency, Y: r.frc.HalfBit, Dashed: true},
			{Name: "1/7", X: r.frc.Frequency, Y: seventh, Dashed: true},
		},
	}
}
