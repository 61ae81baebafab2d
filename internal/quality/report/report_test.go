package report

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"

	"ptyx/internal/base/testutil"
	"ptyx/trainer"
)

func TestScaleBar(t *testing.T) {
	for _, c := range []struct {
		width   int
		pixelNM float64
		label   string
	}{
		{200, 0, "50 pixels"}, {100, 0, "20 pixels"}, {219, 0, "50 pixels"}, {40, 0, "10 pixels"},
		{200, 10, "500 nm"}, {1000, 10, "2 µm"}, {150, 7.5, "200 nm"},
	} {
		s := scaleBar(c.width, c.pixelNM)
		if s.Label != c.label {
			t.Errorf("%d pixels of %g nm: %q, want %q", c.width, c.pixelNM, s.Label, c.label)
		}
		number, unit, _ := strings.Cut(s.Label, " ")
		length, err := strconv.ParseFloat(number, 64)
		if err != nil {
			t.Fatal(err)
		}
		pixel := map[string]float64{"pixels": 1, "nm": 1 / c.pixelNM, "µm": 1000 / c.pixelNM}[unit]
		// Doubles: a few roundings.
		if want := 100 * length * pixel / float64(c.width); !testutil.Close(s.Share, want, 0, 1e-12) ||
			!(s.Share > 9 && s.Share <= 25) {
			t.Errorf("%d pixels of %g nm: %s over %g%% of the picture, want %g%%, a tenth to a quarter", c.width,
				c.pixelNM, s.Label, s.Share, want)
		}
	}
}

// A falling loss falls on the page, whose y goes down; what is not finite is left out; nothing at all is no chart.
func TestLossChart(t *testing.T) {
	history := []trainer.Epoch{
		{Number: 1, TrainLoss: 1, ValLoss: math.NaN()}, {Number: 2, TrainLoss: 0.5, ValLoss: 0.7},
		{Number: 3, TrainLoss: 0.01, ValLoss: math.Inf(1)},
	}
	c := lossChart(history)
	if c == nil || !c.Log || len(c.Lines) != 2 {
		t.Fatalf("%+v, want two lines on a logarithmic axis", c)
	}
	points := strings.Fields(c.Lines[0].Points)
	if len(points) != 3 || len(strings.Fields(c.Lines[1].Points)) != 1 {
		t.Fatalf("points %q and %q", c.Lines[0].Points, c.Lines[1].Points)
	}
	lastX, lastY := 0.0, 0.0
	for _, p := range points {
		left, below, _ := strings.Cut(p, ",")
		x, errX := strconv.ParseFloat(left, 64)
		y, errY := strconv.ParseFloat(below, 64)
		if errX != nil || errY != nil || !(x > lastX) || !(y > lastY) || x > c.Width || y > c.Bottom {
			t.Errorf("point %q after %g,%g", p, lastX, lastY)
		}
		lastX, lastY = x, y
	}
	if lossChart(nil) != nil || lossChart([]trainer.Epoch{{Number: 1, TrainLoss: math.NaN(),
		ValLoss: math.NaN()}}) != nil {
		t.Error("a chart of nothing")
	}
}

// What a user's file says is text on the page, and nothing that a browser would run or fetch.
func TestPageEscapes(t *testing.T) {
	const hostile = `<script>alert(1)</script><img src="http` + `://x">`
	p := &Page{Name: hostile, Config: hostile, Reference: hostile, Measured: []Row{{hostile, hostile, hostile}},
		Facts: []Row{{hostile, hostile, hostile}}, Origins: []Row{{hostile, hostile, ""}}}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	if page := b.String(); strings.Contains(page, "<script") || strings.Contains(page, `<img src="http`) ||
		!strings.Contains(page, "&lt;script&gt;") {
		t.Error("the page holds what a name said")
	}
}
