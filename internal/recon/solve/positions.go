package solve

import (
	"math"
	"slices"
)

// Refinement of positions.
const (
	positionsFrom   = 5    // pass from which on positions move, when the object began empty
	positionStride  = 0.5  // largest move in a pass along an axis, pixels
	positionReach   = 5    // largest move in all along an axis, whole pixels
	positionInertia = 0.5  // share of a pass's moves with which the next pass begins
	positionSpread  = 0.25 // how far positions are taken to be off before any pattern has been heard, pixels
)

// places refines the positions of a scan. A patch seen from a place that is off by (dy, dx) differs, to first order, by dy and dx times the
// slopes of the object; what the exit wave lacks is compared with that by least squares, pattern by pattern (as Odstrcil, Menzel
// and Guizar-Sicairos do, section 3.6). Where a pattern has nothing but stripes, or nothing, noise would carry it away along them: the place
// that was given counts as one more measurement, as good as positionSpread against what the patterns lack.
type places struct {
	*state
	x0, y0 []float64 // as given
	dy, dx []float64 // asked for by the patterns of a batch
	py, px []float64 // at the beginning of the pass before; nil before the first
	noise  float64   // mean square of what a pixel's amplitude lacked in the last pass
}

func newPlaces(s *state) *places {
	return &places{state: s, x0: append([]float64(nil), s.x...), y0: append([]float64(nil), s.y...), dy: make([]float64, len(s.x)), dx: make([]float64, len(s.x))}
}

// ask finds where pattern id would rather be. (re, im) is minus conj(P) chi of its patch.
func (p *places) ask(id int, re, im, light []float32) {
	at := p.canvas.at(p.x[id], p.y[id])
	var yy, xx, yx, y, x float64
	for r := 1; r < p.n-1; r++ {
		for c := 1; c < p.n-1; c++ {
			q, o := r*p.n+c, at+r*p.canvas.width+c
			up, down, left, right := o-p.canvas.width, o+p.canvas.width, o-1, o+1
			yr, yi := (p.object.re[down]-p.object.re[up])/2, (p.object.im[down]-p.object.im[up])/2
			xr, xi := (p.object.re[right]-p.object.re[left])/2, (p.object.im[right]-p.object.im[left])/2
			w := light[q]
			yy += float64(w * (yr*yr + yi*yi))
			xx += float64(w * (xr*xr + xi*xi))
			yx += float64(w * (yr*xr + yi*xi))
			y -= float64(yr*re[q] + yi*im[q])
			x -= float64(xr*re[q] + xi*im[q])
		}
	}
	pull := p.noise / (positionSpread * positionSpread)
	y -= pull * (p.y[id] - p.y0[id])
	x -= pull * (p.x[id] - p.x0[id])
	yy += pull
	xx += pull
	det := yy*xx - yx*yx
	if !(det > 1e-6*yy*xx) { // stripes say nothing of the way along them
		p.dy[id], p.dx[id] = 0, 0
		return
	}
	p.dy[id], p.dx[id] = (y*xx-x*yx)/det, (x*yy-y*yx)/det
}

// move puts patterns where they asked to be, and keeps the mean of all moves at zero: moving all is moving the object.
func (p *places) move(members []int) {
	for _, id := range members {
		p.y[id] += min(max(p.dy[id], -positionStride), positionStride)
		p.x[id] += min(max(p.dx[id], -positionStride), positionStride)
	}
	my, mx := mean(p.y, p.y0), mean(p.x, p.x0)
	for id := range p.x {
		p.y[id] = within(p.y[id]-my, p.y0[id])
		p.x[id] = within(p.x[id]-mx, p.x0[id])
	}
}

// carryOn begins a pass with a share of the last one's moves, as object and probe do.
func (p *places) carryOn() {
	y, x := slices.Clone(p.y), slices.Clone(p.x)
	if p.py != nil {
		for id := range p.x {
			p.y[id] = within(y[id]+positionInertia*(y[id]-p.py[id]), p.y0[id])
			p.x[id] = within(x[id]+positionInertia*(x[id]-p.px[id]), p.x0[id])
		}
	}
	p.py, p.px = y, x
}

// mean is that of a - b.
func mean(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v - b[i]
	}
	return sum / float64(len(a))
}

// within keeps a position within reach of where it was given.
func within(v, given float64) float64 {
	return math.Max(given-positionReach+1, math.Min(given+positionReach-1, v))
}
