package solve

import (
	"math"
	"slices"

	"ptyx/internal/recon/place"
)

// PositionLimit is how far a position may move in all, along each axis, in object pixels.
const PositionLimit = 4

// Refinement of positions.
const (
	positionsFrom    = 5   // first pass in which positions move, if the object started empty
	positionStride   = 0.5 // largest move in an update along an axis, pixels
	positionReach    = PositionLimit + 1
	positionMomentum = 0.5  // share of a pass's moves with which the next pass starts
	positionSpread   = 0.25 // standard deviation of the positions as given, pixels
)

// positions refines the positions of a scan. A shift of a patch by (dy, dx) changes it, to first order, by dy and dx
// times the slopes of the object. Least squares compares this with the residual of the exit wave, pattern by pattern
// (as Odstrcil, Menzel and Guizar-Sicairos do, section 3.6). Where the object has no structure, or only stripes, noise
// would carry a position away. So the given position counts as one more measurement, with a deviation of
// positionSpread.
type positions struct {
	*state
	x0, y0 []float64 // as given
	forces []force   // (M), of the last batch
	joint  *joint    // of the last batch that was the complete scan; nil: none
}

// force is what a pattern asks for: its move u solves (yy yx; yx xx) u = (y x), with the object as it is.
type force struct{ y, x, yy, xx, yx float64 }

// move solves for the move. Stripes do not fix the position along them.
func (f force) move() (dy, dx float64) {
	det := f.yy*f.xx - f.yx*f.yx
	if !(det > 1e-6*f.yy*f.xx) {
		return 0, 0
	}
	dy, dx = (f.y*f.xx-f.x*f.yx)/det, (f.x*f.yy-f.y*f.yx)/det
	if !finite(dy) || !finite(dx) { // an overflow: the pass diverges, and a patch must stay on the canvas
		return 0, 0
	}
	return dy, dx
}

func newPositions(s *state) *positions {
	return &positions{state: s, x0: slices.Clone(s.x), y0: slices.Clone(s.y), forces: make([]force, len(s.x))}
}

// propose computes what pattern id asks for. (re, im) is minus conj(P) chi of its patch, light is sum |P|^2, all
// (N, N).
func (p *positions) propose(id int, re, im, light []float32) {
	at, width := p.at(id), p.object.width
	var yy, xx, yx, y, x float64
	for r := 1; r < p.n-1; r++ {
		for c := 1; c < p.n-1; c++ {
			q, o := r*p.n+c, at+r*width+c
			up, down, left, right := o-width, o+width, o-1, o+1
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
	p.forces[id] = force{y, x, yy, xx, yx}
}

// together finds the moves of all patterns at once. The gradient is the sum of conj(P) chi on the object.
func (p *positions) together(gradient *plane, light []float32) {
	if p.joint == nil {
		p.joint = newJoint(p)
	}
	p.joint.solve(gradient, light)
}

// apply makes the moves of a batch, each pattern alone or all together. It keeps the mean of all moves at zero, since
// a common move is one of the object.
func (p *positions) apply(members []int, together bool) {
	if together {
		p.joint.apply()
	} else {
		for _, id := range members {
			dy, dx := p.forces[id].move()
			p.y[id] += p.shortened(dy)
			p.x[id] += p.shortened(dx)
		}
	}
	if p.options.KeepStretch {
		x, y := (&place.Placement{X: p.x, Y: p.y}).StretchedAs(p.x0, p.y0)
		copy(p.x, x)
		copy(p.y, y)
	}
	meanY, meanX := meanDifference(p.y, p.y0), meanDifference(p.x, p.x0)
	for id := range p.x {
		p.y[id] = limited(p.y[id]-meanY, p.y0[id])
		p.x[id] = limited(p.x[id]-meanX, p.x0[id])
	}
}

// shortened bounds a move along an axis.
func (p *positions) shortened(move float64) float64 {
	stride := positionStride * p.stepShare
	return min(max(move, -stride), stride)
}

// extrapolate starts a pass with a share of the moves of the last one, as for object and probe.
func (p *positions) extrapolate() {
	y, x := slices.Clone(p.y), slices.Clone(p.x)
	if share := positionMomentum * p.stepShare; p.memory.lastY != nil {
		for id := range p.x {
			p.y[id] = limited(y[id]+share*(y[id]-p.memory.lastY[id]), p.y0[id])
			p.x[id] = limited(x[id]+share*(x[id]-p.memory.lastX[id]), p.x0[id])
		}
	}
	p.memory.lastY, p.memory.lastX = y, x
}

// meanDifference is the mean of a - b.
func meanDifference(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += v - b[i]
	}
	return sum / float64(len(a))
}

// limited keeps a position within reach of the given one.
func limited(v, given float64) float64 {
	return math.Max(given-positionReach+1, math.Min(given+positionReach-1, v))
}
