package experiments

import (
	"math"
	"math/cmplx"

	"ptyx/internal/physics/spectrum"
)

// probeKind is a kind of illumination. draw draws its parameters and returns what makes the field from them.
type probeKind struct {
	name    string
	share   float64 // of samples, relative to the other kinds
	heldOut bool
	make    func(w *workspace, field []complex128, dy, dx float64)
}

var probes = []probeKind{
	{"gaussian", 1, false, gaussian},
	{"zoneplate", 3, false, func(w *workspace, f []complex128, dy, dx float64) { lens(w, f, 0.2+0.4*w.Float64(), dy, dx) }},
	{"lens", 1, true, func(w *workspace, f []complex128, dy, dx float64) { lens(w, f, 0, dy, dx) }},
}

// illuminate makes the true probe and the one given to the network, both of unit power.
func (w *workspace) illuminate(kind probeKind, into *Sample) {
	kind.make(w, w.probe, offset.even(w.Rand), offset.even(w.Rand))
	power := 0.0
	for _, v := range w.probe {
		power += real(v)*real(v) + imag(v)*imag(v)
	}
	scale := complex(1/math.Sqrt(power), 0)
	for i, v := range w.probe {
		v *= scale
		w.probe[i] = v
		into.Probe[i] = complex64(v)
		into.Light[i] = float32(real(v)*real(v) + imag(v)*imag(v))
	}
	into.Width = diameter(into.Light)
}

func gaussian(w *workspace, field []complex128, dy, dx float64) {
	sigma := float64(w.n) * width.log(w.Rand) / 4
	curvature := w.NormFloat64()
	for i := range field {
		y, x := float64(i/w.n-w.n/2)-dy, float64(i%w.n-w.n/2)-dx
		r2 := (x*x + y*y) / (sigma * sigma)
		field[i] = cmplx.Rect(math.Exp(-r2/4), curvature*r2)
	}
}

// lens is the defocused focus of a disc, or of a ring if stop > 0.
func lens(w *workspace, field []complex128, stop, dy, dx float64) {
	n := float64(w.n)
	radius := n * (0.12 + 0.28*w.Float64())
	defocus := n * width.log(w.Rand) * math.Pi / (2 * radius * n)
	if w.IntN(2) == 0 {
		defocus = -defocus
	}
	for i := range field {
		ky, kx := float64(spectrum.Frequency(i/w.n, w.n)), float64(spectrum.Frequency(i%w.n, w.n))
		r := math.Hypot(ky, kx)
		a := min(1, max(0, radius-r+0.5))
		if stop > 0 {
			a *= min(1, max(0, r-stop*radius+0.5))
		}
		// half a period moves the focus to the centre
		field[i] = cmplx.Rect(a, -defocus*r*r-2*math.Pi*(ky*(dy+n/2)+kx*(dx+n/2))/n)
	}
	w.far.Inverse(field)
}
