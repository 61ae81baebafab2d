package report

import (
	"fmt"
	"math"
	"strings"

	"ptyx/internal/format/render"
	"ptyx/trainer"
)

// Chart is a quantity over the epochs of a training or the passes of a solver, in a box of Width x Height units.
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

// curve is a value for each of the steps 1, 2, ... that the chart counts. Values that are not finite are left out.
type curve struct {
	name, class string
	steps       []int
	values      []float64
}

// lossChart draws the losses; nil without any epoch.
func lossChart(history []trainer.Epoch) *Chart {
	train, val := curve{name: "training", class: "train"}, curve{name: "validation", class: "val"}
	for _, e := range history {
		train.steps, train.values = append(train.steps, e.Number), append(train.values, e.TrainLoss)
		val.steps, val.values = append(val.steps, e.Number), append(val.values, e.ValLoss)
	}
	return newChart("Loss", "epoch", train, val)
}

// residualChart draws the residual of each pass of a solver; nil without any pass.
func residualChart(residuals []float64) *Chart {
	c := curve{name: "residual", class: "train", values: residuals}
	for i := range residuals {
		c.steps = append(c.steps, i+1)
	}
	chart := newChart("Residual", "pass", c)
	if chart != nil {
		chart.Note = "Of each pass: sum (|F| − d)² / sum d² over all patterns, each before its update. " +
			"A curve that still falls at its end asks for more passes."
	}
	return chart
}

// newChart draws curves, on a logarithmic axis if they span more than a factor of ten; nil without any finite value.
func newChart(title, step string, curves ...curve) *Chart {
	low, high, last := math.Inf(1), math.Inf(-1), 2
	for _, c := range curves {
		for i, v := range c.values {
			if last = max(last, c.steps[i]); finite(v) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if !(low <= high) {
		return nil
	}
	c := &Chart{
		Title: title, Step: step, Width: chartWidth, Height: chartHeight, Left: chartLeft,
		Bottom: chartHeight - chartBottom, Log: low > 0 && high > 10*low,
	}
	low, high, height := c.scaleY(low, high)
	across := func(step float64) float64 {
		return chartLeft + (step-1)/float64(last-1)*(chartWidth-chartLeft-chartRight)
	}
	up := func(v float64) float64 {
		return c.Bottom - (height(v)-low)/(high-low)*(c.Bottom-chartTop)
	}
	c.marks(low, high, last, across, height, up)
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
func (c *Chart) marks(low, high float64, last int, across, height, up func(float64) float64) {
	for _, t := range render.Ticks(1, float64(last)) {
		if t.Value == math.Trunc(t.Value) {
			c.X = append(c.X, Mark{across(t.Value), fmt.Sprint(int(t.Value))})
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
		l.LastX, l.LastY = across(float64(c.steps[i])), up(v)
		points = append(points, fmt.Sprintf("%.1f,%.1f", l.LastX, l.LastY))
	}
	l.Points = strings.Join(points, " ")
	return l
}
