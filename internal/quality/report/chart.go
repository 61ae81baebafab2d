package report

import (
	"fmt"
	"math"
	"strings"

	"ptyx/internal/format/render"
	"ptyx/trainer"
)

// Chart is the loss over the epochs, in a box of Width x Height units.
type Chart struct {
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

// lossChart draws the losses, on a logarithmic axis if they span more than a factor of ten; nil without any epoch.
func lossChart(history []trainer.Epoch) *Chart {
	curves := []struct {
		name, class string
		of          func(trainer.Epoch) float64
	}{
		{"training", "train", func(e trainer.Epoch) float64 { return e.TrainLoss }},
		{"validation", "val", func(e trainer.Epoch) float64 { return e.ValLoss }},
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, e := range history {
		for _, c := range curves {
			if v := c.of(e); !math.IsNaN(v) && !math.IsInf(v, 0) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if !(low <= high) {
		return nil
	}
	c := &Chart{
		Width: chartWidth, Height: chartHeight, Left: chartLeft, Bottom: chartHeight - chartBottom,
		Log: low > 0 && high > 10*low,
	}
	low, high, height := c.scaleY(low, high)
	last := max(2, history[len(history)-1].Number)
	across := func(epoch float64) float64 {
		return chartLeft + (epoch-1)/float64(last-1)*(chartWidth-chartLeft-chartRight)
	}
	up := func(v float64) float64 {
		return c.Bottom - (height(v)-low)/(high-low)*(c.Bottom-chartTop)
	}
	c.marks(low, high, last, across, height, up)
	for _, curve := range curves {
		if line := lineOf(history, curve.of, across, up); line.Points != "" {
			line.Name, line.Class = curve.name, curve.class
			c.Lines = append(c.Lines, line)
		}
	}
	return c
}

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

// lineOf is a curve of the epochs that have a value.
func lineOf(history []trainer.Epoch, of func(trainer.Epoch) float64, across, up func(float64) float64) Line {
	var l Line
	var points []string
	for _, e := range history {
		v := of(e)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		l.LastX, l.LastY = across(float64(e.Number)), up(v)
		points = append(points, fmt.Sprintf("%.1f,%.1f", l.LastX, l.LastY))
	}
	l.Points = strings.Join(points, " ")
	return l
}
