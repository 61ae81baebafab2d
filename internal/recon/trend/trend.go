// Package trend finds what a stitched object lacks on lengths beyond the probe: a smooth factor by which it explains
// its patterns better.
//
// Each patch of a network explains its own pattern. But neighbouring patches differ by slopes of the phase, not only by
// constants, and the errors of their mean reach over many patches. Patterns show them: a phase that rises across the
// probe moves the pattern, as in differential phase contrast (N. H. Dekkers and H. de Lang, Optik 41, 452, 1974), and a
// curved one widens it.
//
// A Fitter compares the pattern of one position with that of the object and returns a Local: how the object's phase and
// the logarithm of its amplitude should change there. A Map puts the Locals of a scan together. Package reconstruct
// multiplies the object with it, after the patches were turned to one phase.
package trend

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// Terms of a Local: u and v are the distances along rows and columns from the centre of the probe's light, in units of
// its radius.
const (
	phaseTerms = 5 // u, v, u^2, u v, v^2: no pattern shows a constant phase
	logTerms   = 3 // 1, u, v
	allTerms   = phaseTerms + logTerms
)

// Local is the change of an object, around one position, that explains its pattern best.
type Local struct {
	X, Y  float64             // of the position, object pixels
	Phase [phaseTerms]float64 // rad
	Log   [logTerms]float64   // of the amplitude
}

// slope is the gradient of the phase at (u, v), in rad per radius, along rows and columns.
func (l *Local) slope(u, v float64) (du, dv float64) {
	return l.Phase[0] + 2*u*l.Phase[2] + v*l.Phase[3], l.Phase[1] + u*l.Phase[3] + 2*v*l.Phase[4]
}

// log is the change of the logarithm of the amplitude at (u, v).
func (l *Local) log(u, v float64) float64 { return l.Log[0] + u*l.Log[1] + v*l.Log[2] }

// Beam is the light of a probe: where Locals have a say.
type Beam struct {
	N      int
	Radius float64   // of the light: the root of the mean square along an axis, pixels
	u, v   []float64 // (N), distance of a row or column from the centre, in radii
	light  []float64 // (N, N), of sum 1
}

// Share is the share of the light on the pixels of a patch that are covered, those above 0 of covered (N, N).
func (b *Beam) Share(covered []float32) float64 {
	share := 0.0
	for i, w := range b.light {
		if covered[i] > 0 {
			share += w
		}
	}
	return share
}

// NewBeam measures a probe (N, N). A probe without light has a Radius of 0.
func NewBeam(probe *ndarray.Complex64) *Beam {
	n := probe.Shape[0]
	b := &Beam{N: n, u: make([]float64, n), v: make([]float64, n), light: make([]float64, n*n)}
	power := optics.Power(probe)
	if !(power > 0) {
		return b
	}
	var row, col, square float64
	for i, p := range probe.Data {
		b.light[i] = (float64(real(p))*float64(real(p)) + float64(imag(p))*float64(imag(p))) / power
		y, x := float64(i/n), float64(i%n)
		row, col, square = row+b.light[i]*y, col+b.light[i]*x, square+b.light[i]*(y*y+x*x)
	}
	b.Radius = math.Sqrt(max(0, square-row*row-col*col) / 2)
	if !(b.Radius > 0) {
		return b
	}
	for i := range n {
		b.u[i], b.v[i] = (float64(i)-row)/b.Radius, (float64(i)-col)/b.Radius
	}
	return b
}
