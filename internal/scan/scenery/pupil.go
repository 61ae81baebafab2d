package scenery

import (
	"math"
	"math/cmplx"
)

// Pupil is the far field of a lens. Frequencies and radii are in cycles per window; phases are in radians.
type Pupil struct {
	Radius float64 // where its light ends; half the side of a Square one
	Stop   float64 // radius of the central stop, 0 without
	Square bool    // two crossed mirrors with slits in place of a round lens
	// Sharpness of the borders: a border is 2/Sharpness frequencies wide; 0 stands for 1. A sharp border gives the
	// probe long tails.
	Sharpness float64

	// Defocus is the phase at frequency 1: the geometric cone has a diameter of 2 Defocus Radius / pi windows.
	Defocus float64
	// The other aberrations are phases at the border.
	Astigmatism [2]float64 // of the terms x^2 - y^2 and 2xy
	Coma        [2]float64 // of the terms r^2 x and r^2 y
	Spherical   float64    // of r^4
}

// At is the field of a frequency.
func (p Pupil) At(ky, kx float64) complex128 {
	sharp := p.Sharpness
	if sharp == 0 {
		sharp = 1
	}
	if sharp*(max(math.Abs(ky), math.Abs(kx))-p.Radius) > stepReach {
		return 0
	}
	r := math.Sqrt(ky*ky + kx*kx)
	a := 0.0
	if p.Square {
		a = Step(sharp*(p.Radius-math.Abs(ky))) * Step(sharp*(p.Radius-math.Abs(kx)))
	} else {
		a = Step(sharp * (p.Radius - r))
	}
	if p.Stop > 0 {
		a *= Step(sharp * (r - p.Stop))
	}
	if a == 0 {
		return 0
	}
	phase := -p.Defocus * r * r
	if p.aberrated() {
		phase += p.aberration(ky/p.Radius, kx/p.Radius)
	}
	return cmplx.Rect(a, phase)
}

func (p Pupil) aberrated() bool {
	return p.Astigmatism != [2]float64{} || p.Coma != [2]float64{} || p.Spherical != 0
}

// aberration is the phase at a place of the pupil, whose border is at 1, without the defocus.
func (p Pupil) aberration(y, x float64) float64 {
	r2 := y*y + x*x
	return p.Astigmatism[0]*(x*x-y*y) + p.Astigmatism[1]*2*x*y + r2*(p.Coma[0]*x+p.Coma[1]*y) + p.Spherical*r2*r2
}
