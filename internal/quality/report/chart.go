package report

import (
	"fmt"
	"math"
	"strings"

	"ptyx/internal/format/render"
	"ptyx/internal/quality/metrics"
	"ptyx/trainer"
)

// Chart is a quantity over the epochs of a training, the passes of a solver or spatial frequencies, in a box of
// Width x Height units.
type Chart struct {
	Title, Step   string // what is drawn, and what the horizontal axis counts
	Note          string // about the curve; may be empty
	Width, Height float64
	Left, Bottom  float64 // where the axes are; labels are beyond
	X, Y          []Mark  // labels; At is in units of the box
	Lines         []Line
	Log           bool
}

// Line is a curve of a chart.
type Line struct {
	Name, Class  string
	Points       string // "x,y x,y ..."
	LastX, LastY float64
}

const (
	chartWidth, chartHeight = 640.0, 260.0
	chartLeft, chartBottom  = 64.0, 36.0
	chartTop, chartRight    = 10.0, 12.0
)

// curve is a value for each place on the horizontal axis. Values that are not finite are left out.
type curve struct {
	name, class string
	x           []float64
	values      []float64
}

// lossChart draws the losses; nil without any epoch.
func lossChart(history []trainer.Epoch) *Chart {
	train, val := curve{name: "training", class: "train"}, curve{name: "validation", class: "val"}
	for _, e := range history {
		train.x, train.values = append(train.x, float64(e.Number)), append(train.values, e.TrainLoss)
		val.x, val.values = append(val.x, float64(e.Number)), append(val.values, e.ValLoss)
	}
	return newChart("Loss", "epoch", counted(), train, val)
}

// residualChart draws the residual of each pass of a solver; nil without any pass.
func residualChart(residuals []float64) *Chart {
	c := curve{name: "residual", class: "train", values: residuals}
	for i := range residuals {
		c.x = append(c.x, float64(i+1))
	}
	chart := newChart("Residual", "pass", counted(), c)
	if chart != nil {
		chart.Note = "Of each pass: sum (|F| − d)² / sum d² over all patterns, each before its update. " +
			"A curve that still falls at its end asks for more passes."
	}
	return chart
}

// resolutionChart draws the Fourier ring correlation of two halves of a scan; nil without any.
func resolutionChart(f metrics.FRC) *Chart {
	if len(f.Frequency) == 0 {
		return nil
	}
	chart := newChart("Resolution", "cycles per pixel", axis{0, 0.5, false},
		curve{"halves of the scan", "train", f.Frequency, f.Correlation},
		curve{"half-bit threshold", "val", f.Frequency, f.HalfBit})
	if chart != nil {
		chart.Note = "Fourier ring correlation of two objects, each from half of the patterns. It is blind to what " +
			"both get wrong alike."
	}
	return chart
}

// axis is the horizontal axis of a chart. A high end of 0 is that of the curves.
type axis struct {
	low, high float64
	whole     bool // it counts, so only whole numbers are labelled, and values may need a logarithmic scale
}

// counted is the axis of steps 1, 2 and so on.
func counted() axis { return axis{low: 1, whole: true} }

// newChart draws curves, if they count on a logarithmic axis where they span more than a factor of ten; nil without
// any finite value.
func newChart(title, step string, of axis, curves ...curve) *Chart {
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range curves {
		for i, v := range c.values {
			if of.whole {
				of.high = max(of.high, 2, c.x[i])
			}
			if finite(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if !(low <= high) {
		return nil
	}
	c := &Chart{
		Title: title, Step: step, Width: chartWidth, Height: chartHeight, Left: chartLeft,
		Bottom: chartHeight - chartBottom, Log: of.whole && low > 0 && high > 10*low,
	}
	low, high, height := c.scaleY(low, high)
	across := func(x float64) float64 {
		return chartLeft + (x-of.low)/(of.high-of.low)*(chartWidth-chartLeft-chartRight)
	}
	up := func(v float64) float64 {
		return c.Bottom - (height(v)-low)/(high-low)*(c.Bottom-chartTop)
	}
	c.marks(low, high, of, across, height, up)
	for _, curve := range curves {
		if line := curve.line(across, up); line.Points != "" {
			c.Lines = append(c.Lines, line)
		}
	}
	return c
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// scaleY is the range of the axis, a little wider than the values, and the height of a value on it.
func (c *Chart) scaleY(least, most float64) (low, high float64, height func(float64) float64) {
	height = func(v float64) float64 { return v }
	if c.Log {
		height = math.Log10
	}
	low, high = height(least), height(most)
	margin := max(0.05*(high-low), 1e-9+1e-3*math.Abs(high))
	return low - margin, high + margin, height
}

// marks labels the axes.
func (c *Chart) marks(low, high float64, of axis, across, height, up func(float64) float64) {
	for _, t := range render.Ticks(of.low, of.high) {
		if !of.whole || t.Value == math.Trunc(t.Value) {
			c.X = append(c.X, Mark{across(t.Value), t.Label})
		}
	}
	if !c.Log {
		for _, t := range render.Ticks(low, high) {
			c.Y = append(c.Y, Mark{up(t.Value), t.Label})
		}
		return
	}
	for decade := math.Floor(low); decade <= high; decade++ {
		for _, factor := range []float64{1, 2, 5} {
			v := factor * math.Pow(10, decade)
			if h := height(v); h >= low && h <= high {
				c.Y = append(c.Y, Mark{up(v), fmt.Sprintf("%.4g", v)})
			}
		}
	}
}

// line is the curve on the page.
func (c curve) line(across, up func(float64) float64) Line {
	l := Line{Name: c.name, Class: c.class}
	var points []string
	for i, v := range c.values {
		if !finite(v) {
			continue
		}
		l.LastX, l.LastY = across(c.x[i]), up(v)
		points = append(points, fmt.Sprintf("%.1f,%.1f", l.LastX, l.LastY))
	}
	l.Points = strings.Join(points, " ")
	return l
}
