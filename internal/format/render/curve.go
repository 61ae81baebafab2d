package render

import (
	"image"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Curve is a line of a Chart.
type Curve struct {
	Name   string
	X, Y   []float64 // points with a NaN or an Inf are left out
	Dashed bool      // for thresholds and other curves that are not measured
}

// Chart is a plot of curves.
type Chart struct {
	Title, X, Y string
	Curves      []Curve
	LogY        bool
	Width       vg.Length // in points; 0: 3/2 of the height
}

// lineColour is the i-th of a few colours that most eyes tell apart (Okabe and Ito, 2008).
func lineColour(i int) color.RGBA {
	return []color.RGBA{
		{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, {R: 0xd5, G: 0x5e, B: 0x00, A: 0xff},
		{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, {R: 0x66, G: 0x66, B: 0x66, A: 0xff},
	}[i%4]
}

const chartHeight = vg.Length(280)

// LossCurve draws the loss of each epoch, 1, 2, ..., to a PNG file; val may be empty or hold NaN for epochs without
// validation. The axis is logarithmic if all losses are positive and span more than a factor of ten.
func LossCurve(path string, train, val []float64) error {
	chart := &Chart{X: "epoch", Y: "loss", LogY: spansDecade(train, val),
		Curves: []Curve{{Name: "training", Y: train, X: counting(len(train))}}}
	if slices.ContainsFunc(val, finite) {
		chart.Curves = append(chart.Curves, Curve{Name: "validation", Y: val, X: counting(len(val))})
	}
	return Sheet(path, [][]Cell{{chart}})
}

func counting(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i + 1)
	}
	return out
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// spansDecade reports whether all values are positive and span more than a factor of ten.
func spansDecade(lists ...[]float64) bool {
	low, high := math.Inf(1), 0.0
	for _, list := range lists {
		for _, v := range list {
			if finite(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	return low > 0 && high > 10*low
}

func (ch *Chart) size(vg.Length, vg.Length) vg.Point {
	if ch.Width == 0 {
		return vg.Point{X: chartHeight * 3 / 2, Y: chartHeight}
	}
	return vg.Point{X: ch.Width, Y: chartHeight}
}

func (ch *Chart) draw(c draw.Canvas, _ *image.RGBA) {
	plt := newPlot(ch.Title, ch.X, ch.Y)
	faint := draw.LineStyle{Color: color.Gray{Y: 0xdd}, Width: 0.5}
	plt.Add(&plotter.Grid{Vertical: faint, Horizontal: faint})
	if ch.LogY {
		plt.Y.Scale, plt.Y.Tick.Marker = plot.LogScale{}, plot.LogTicks{Prec: -1}
	}
	drawn := false
	for i, curve := range ch.Curves {
		points := curve.points(ch.LogY)
		if len(points) == 0 {
			continue
		}
		drawn = true
		line := &plotter.Line{XYs: points, LineStyle: draw.LineStyle{Color: lineColour(i), Width: 1.2}}
		if curve.Dashed {
			line.Dashes = []vg.Length{4, 3}
		}
		plt.Add(line)
		if len(points) == 1 { // a line of one point is invisible
			plt.Add(&plotter.Scatter{XYs: points,
				GlyphStyle: draw.GlyphStyle{Color: line.Color, Radius: 2, Shape: draw.CircleGlyph{}}})
		}
		if curve.Name != "" {
			plt.Legend.Add(curve.Name, line)
		}
	}
	if !drawn { // an empty plot has no range
		plt.X.Min, plt.X.Max, plt.Y.Min, plt.Y.Max = 0, 1, 0, 1
	}
	plt.Legend.Top, plt.Legend.Padding, plt.Legend.XOffs, plt.Legend.YOffs = true, 2, -6, -6
	plt.Draw(c)
}

// points are the curve's finite points.
func (c Curve) points(logarithmic bool) plotter.XYs {
	var out plotter.XYs
	for i, y := range c.Y {
		if finite(y) && finite(c.X[i]) && (y > 0 || !logarithmic) {
			out = append(out, plotter.XY{X: c.X[i], Y: y})
		}
	}
	return out
}
