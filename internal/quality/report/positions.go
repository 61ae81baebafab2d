package report

import (
	"fmt"
	"math"
	"slices"

	"ptyx/internal/format/render"
	"ptyx/internal/recon/solve"
)

// Positions is a drawing of the centres of the patterns in the scan's frame, in a box of Width x Height units. Patterns
// that a solver moved are arrows from where they were.
type Positions struct {
	Width, Height float64
	Left, Bottom  float64 // where the axes are; labels are beyond
	X, Y          []Mark
	Area          Box // of the object
	Dots          []Dot
	Arrows        []Arrow
	Notes         []string
}

// Box is a rectangle of a drawing, in its units.
type Box struct{ Left, Top, Width, Height float64 }

// Dot is a point of a drawing, in its units.
type Dot struct{ X, Y float64 }

// Arrow is a line with a tip, in a drawing's units.
type Arrow struct{ From, To Dot }

// mostDrawn is the largest number of positions in a drawing. A page with more would be slow.
const mostDrawn = 2000

// moves are the moves of all patterns, in object pixels.
type moves struct {
	rms, largest float64
	atLimit      int // patterns that moved as far as the solver lets them
}

// moves are nil if the positions are as given.
func (r *Reconstruction) moves() *moves {
	if r.startX == nil || r.startY == nil || len(r.startX) == 0 {
		return nil
	}
	m := &moves{}
	for i, x := range r.Object.Scan.X {
		dx, dy := x-r.startX[i], r.Object.Scan.Y[i]-r.startY[i]
		m.rms += dx*dx + dy*dy
		m.largest = max(m.largest, math.Hypot(dx, dy))
		// Positions that were found from single patterns may be farther away.
		if math.Abs(max(math.Abs(dx), math.Abs(dy))-solve.PositionLimit) < 1e-6 {
			m.atLimit++
		}
	}
	m.rms = math.Sqrt(m.rms / float64(len(r.startX)))
	return m
}

// positions draws the patterns; nil if the file does not hold their positions.
func (r *Reconstruction) positions() *Positions {
	if r.Object.Scan == nil {
		return nil
	}
	x, y := r.Object.Scan.X, r.Object.Scan.Y
	height, width := r.Object.Object.Shape[0], r.Object.Object.Shape[1]
	p, at := newPositions(float64(r.Object.Row), float64(r.Object.Col), float64(height), float64(width))
	m, factor := r.moves(), 1.0
	if m != nil {
		factor = enlargement(m.rms, spacing(x, y))
	}
	drawn := min(len(x), mostDrawn)
	for k := range drawn {
		i := k * len(x) / drawn
		if m == nil {
			p.Dots = append(p.Dots, at(x[i], y[i]))
			continue
		}
		dx, dy := factor*(x[i]-r.startX[i]), factor*(y[i]-r.startY[i])
		p.Arrows = append(p.Arrows, Arrow{at(r.startX[i], r.startY[i]), at(r.startX[i]+dx, r.startY[i]+dy)})
	}
	p.note(m, factor, drawn, len(x))
	return p
}

// newPositions makes an empty drawing of an object, and the function that places a position (column, row) on it.
func newPositions(row, col, height, width float64) (p *Positions, at func(x, y float64) Dot) {
	const tallest = 1.5 * chartWidth
	inner := chartWidth - chartLeft - chartRight
	scale := min(inner/width, tallest/height) // units per pixel
	p = &Positions{Width: chartWidth, Left: chartLeft, Bottom: chartTop + scale*height}
	p.Height = p.Bottom + chartBottom
	p.Area = Box{chartLeft, chartTop, scale * width, scale * height}
	// A pixel's index is its centre, so the object begins half a pixel before its first one.
	at = func(x, y float64) Dot {
		return Dot{rounded(chartLeft + scale*(x-col+0.5)), rounded(chartTop + scale*(y-row+0.5))}
	}
	for _, t := range render.Ticks(col, col+width-1) {
		p.X = append(p.X, Mark{at(t.Value, row).X, t.Label})
	}
	for _, t := range render.Ticks(row, row+height-1) {
		p.Y = append(p.Y, Mark{at(col, t.Value).Y, t.Label})
	}
	return p, at
}

// rounded is v to a tenth of a unit, which no screen shows.
func rounded(v float64) float64 { return math.Round(10*v) / 10 }

// spacing is the mean distance of neighbouring positions, in pixels.
func spacing(x, y []float64) float64 {
	area := (slices.Max(x) - slices.Min(x)) * (slices.Max(y) - slices.Min(y))
	return math.Sqrt(max(1, area) / float64(len(x)))
}

// enlargement is a round factor, 1 or more, by which typical arrows reach half the way to the next pattern.
func enlargement(typical, spacing float64) float64 {
	factor := 1.0
	for _, f := range []float64{2, 5, 10, 20, 50, 100} {
		if f*typical <= spacing/2 {
			factor = f
		}
	}
	return factor
}

// note adds the sentences under the drawing.
func (p *Positions) note(m *moves, factor float64, drawn, count int) {
	add := func(format string, values ...any) { p.Notes = append(p.Notes, fmt.Sprintf(format, values...)) }
	add("The frame is the object; x and y are in its pixels.")
	if drawn < count {
		add("Of %d patterns, %d are drawn.", count, drawn)
	}
	switch {
	case m == nil:
		add("The positions are as given: no solver has moved them.")
		return
	case factor > 1:
		add("An arrow begins where a pattern was and shows %g times its move.", factor)
	default:
		add("An arrow leads from where a pattern was to where the solver put it.")
	}
	if m.atLimit > 0 {
		add("%d of %d moved by %d pixels along an axis, the solver's limit: their true places may be farther away.",
			m.atLimit, count, solve.PositionLimit)
	}
}
