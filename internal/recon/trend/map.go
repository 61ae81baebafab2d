package trend

import (
	"context"
	"math"
	"math/cmplx"
	"slices"

	"ptyx/internal/base/frame"
)

const (
	// reach is the length, in radii of the probe, over which slopes add up to a phase. Beyond it the object keeps its
	// own phase, because errors of the slopes add up, too.
	reach = 14
	// steady is how much more than by their own noise the logarithms of the amplitude count against their slopes.
	steady = 3
	// How much logarithms count against their slopes, at least and at most.
	leastHold, mostHold = 1e-6, 1e2
	// binsPerSide is how many bins a side of a patch has, about, and binRadii the width of a bin, in radii of the
	// probe, at most: a trend is smooth over the probe.
	binsPerSide, binRadii = 16, 0.7
	// dim is the light of a bin, relative to the brightest one, that halves what Locals say of it.
	dim = 1e-3
	// largestLog is how far the logarithm of the amplitude may change.
	largestLog = 0.5
)

// Map is the factor of an object. Its values belong to the middles of bins of pixels.
type Map struct {
	box  frame.Box // of the object
	bin  int       // side of a bin, pixels
	grid grid
	log  []float64 // (height, width), of the amplitude
	turn []float64 // (height, width), phase in rad
}

// NewMap puts Locals together, for an object in a box of the scan's frame. The order of the Locals matters for the last
// bits. The only error is that of ctx.
//
// The slopes of the phase, weighted with the light, are integrated. So are those of the logarithm of the amplitude, but
// the logarithms themselves are known, too. Light that fluctuates from pattern to pattern spoils them and not their
// slopes. The spread of the Locals over a bin shows that, and how much each of the two counts.
func NewMap(ctx context.Context, beam *Beam, box frame.Box, locals []Local) (*Map, error) {
	m := &Map{box: box, bin: max(1, min(beam.N/binsPerSide, int(binRadii*beam.Radius)))}
	m.grid = grid{height: (box.Height() + m.bin - 1) / m.bin, width: (box.Width() + m.bin - 1) / m.bin}
	perBin := float64(m.bin) / beam.Radius
	log, phase := newLayer(m.grid), newLayer(m.grid)
	light := make([]float64, m.grid.size())
	for i := range locals {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l := &locals[i]
		m.spread(beam, l, func(at int, w, u, v float64) {
			light[at] += w
			du, dv := l.slope(u, v)
			phase.add(at, w, 0, du*perBin, dv*perBin)
			log.add(at, w, l.log(u, v), l.Log[1]*perBin, l.Log[2]*perBin)
		})
	}
	brightest := slices.Max(light)
	slopes, levels := log.mean(light, brightest)
	phase.mean(light, brightest)
	weights := relative(light, brightest)
	var err error
	if m.turn, err = m.grid.integrate(ctx, weights, phase, square(perBin/reach)); err != nil {
		return nil, err
	}
	m.log = log.level
	if slopes > 0 && levels > 0 {
		hold := max(leastHold, min(steady*slopes/levels, mostHold)) // rounding may decide if all Locals agree
		m.log, err = m.grid.integrate(ctx, weights, log, hold)
	}
	return m, err
}

// spread visits the pixels on which a Local has light, with the bin of each, the light and the place in the beam.
func (m *Map) spread(beam *Beam, l *Local, visit func(at int, w, u, v float64)) {
	top, left := m.box.Offset(l.X, l.Y, beam.N)
	for i, w := range beam.light {
		row, col := top+i/beam.N, left+i%beam.N
		if w > 0 && row >= 0 && col >= 0 && row < m.box.Height() && col < m.box.Width() {
			visit(row/m.bin*m.grid.width+col/m.bin, w, beam.u[i/beam.N], beam.v[i%beam.N])
		}
	}
}

// At is the factor of a pixel of the scan's frame, interpolated between the middles of bins.
func (m *Map) At(row, col int) complex128 {
	y, dy := m.between(row-m.box.Top, m.grid.height)
	x, dx := m.between(col-m.box.Left, m.grid.width)
	below, right := min(y+1, m.grid.height-1), min(x+1, m.grid.width-1)
	mix := func(field []float64) float64 {
		upper, lower := field[y*m.grid.width:], field[below*m.grid.width:]
		return (1-dy)*((1-dx)*upper[x]+dx*upper[right]) + dy*((1-dx)*lower[x]+dx*lower[right])
	}
	return cmplx.Rect(math.Exp(max(-largestLog, min(mix(m.log), largestLog))), mix(m.turn))
}

// between is the bin whose middle is the last before a pixel, and how far behind it the pixel lies, in bins.
func (m *Map) between(pixel, bins int) (first int, part float64) {
	at := (float64(pixel)+0.5)/float64(m.bin) - 0.5
	at = max(0, min(at, float64(bins-1)))
	return int(at), at - math.Floor(at)
}

// layer is what Locals say of one smooth field, for each bin: first sums weighted with the light, then means.
type layer struct {
	level         []float64 // value
	rows, columns []float64 // slope per bin
	// Sums of the light times the square of the value, and of the slope.
	levels, slopes float64
}

func newLayer(g grid) *layer {
	return &layer{
		level: make([]float64, g.size()), rows: make([]float64, g.size()), columns: make([]float64, g.size()),
	}
}

func (l *layer) add(at int, w, level, row, column float64) {
	l.level[at] += w * level
	l.rows[at] += w * row
	l.columns[at] += w * column
	l.levels += w * level * level
	l.slopes += w * (row*row + column*column)
}

// mean divides the sums by the light. Where there is hardly any, the field stays near 0. It returns how far Locals
// spread around the means: the mean squares of slopes along an axis, and of values.
func (l *layer) mean(light []float64, brightest float64) (slopes, levels float64) {
	if brightest == 0 {
		return 0, 0
	}
	all := 0.0
	slopes, levels = l.slopes, l.levels
	for i, w := range light {
		all += w
		whole := w + dim*brightest
		l.level[i], l.rows[i], l.columns[i] = l.level[i]/whole, l.rows[i]/whole, l.columns[i]/whole
		levels -= w * square(l.level[i])
		slopes -= w * (square(l.rows[i]) + square(l.columns[i]))
	}
	return slopes / 2 / all, levels / all
}

func square(v float64) float64 { return v * v }
