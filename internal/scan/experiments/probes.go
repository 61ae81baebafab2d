package experiments

import (
	"math"
	"math/cmplx"

	"ptyx/internal/physics/spectrum"
	"ptyx/internal/scan/scenery"
)

// probeKind is a kind of illumination.
type probeKind struct {
	name    string
	share   float64 // of samples, relative to the other kinds
	heldOut bool
	draw    func(w *workspace) optic
}

// optic writes the far field of a probe to the area's wave, zero frequency first, with the probe at pixel (0, 0).
// A probe that is given wrong is stretched: its defocus, or its width, is that many times the true one.
type optic func(w *workspace, stretch float64)

// probes are the kinds of illumination. Zone plates come first among microprobes of hard X-rays, and mirrors among
// nanoprobes; visible light and electrons have round lenses.
var probes = []probeKind{
	{"zoneplate", 3, false, func(w *workspace) optic { return w.lens(stop.even(w.Rand), false) }},
	{"lens", 1.5, false, func(w *workspace) optic { return w.lens(0, false) }},
	// Two crossed ones, of Kirkpatrick and Baez.
	{"mirrors", 2, false, func(w *workspace) optic { return w.lens(0, true) }},
	{"gaussian", 1, false, gaussian},
	{"pinhole", 1, true, pinhole},
	{"diffuser", 1, false, diffuser},
}

// illuminate makes the far fields of the true probe and of the one given to the network.
func (w *workspace) illuminate(kind probeKind) {
	w.area = w.window
	form := kind.draw(w)
	uneven := w.unevenness()
	form(w, 1)
	uneven.apply(w.area)
	if chance(w.Rand, haloed) {
		w.disturb(halo.log(w.Rand))
	}
	copy(w.truth, w.area.wave)
	copy(w.given, w.truth)
	w.shift, w.power = [2]float64{}, 1
	if !chance(w.Rand, exactProbe) {
		w.mistake(form, uneven)
		copy(w.given, w.area.wave)
	}
	w.focus(w.truth, 0, 0, 1)
	w.lighten(w.light)
	w.width = diameter(w.light)
}

// mistake makes the far field of the given probe anew in the area's wave, wrong in some respects.
func (w *workspace) mistake(form optic, uneven unevenness) {
	factor := 1.0
	if chance(w.Rand, stretched) {
		factor = math.Exp(stretch.even(w.Rand))
	}
	if chance(w.Rand, misplaced) {
		w.shift = [2]float64{misplacement.even(w.Rand), misplacement.even(w.Rand)}
	}
	if chance(w.Rand, wrongPower) {
		w.power = math.Exp(powerError.even(w.Rand))
	}
	form(w, factor)
	if !chance(w.Rand, idealisedOne) {
		uneven.apply(w.area)
	}
	if chance(w.Rand, noisyProbe) {
		w.disturb(probeNoise.log(w.Rand))
	}
}

// disturb adds noise to the far field in the area's wave, relative to its modulus.
func (w *workspace) disturb(share float64) {
	share /= math.Sqrt2
	for i, v := range w.area.wave {
		if v != 0 {
			w.area.wave[i] = v + v*complex(share*w.NormFloat64(), share*w.NormFloat64())
		}
	}
}

// focus writes the probe of a far field to the window's wave: centred at [n/2, n/2], moved by (dy, dx) pixels, of the
// given power.
func (w *workspace) focus(far []complex128, dy, dx, power float64) {
	f := w.window
	copy(f.wave, far)
	for i := range f.size {
		k := -2 * math.Pi * float64(spectrum.Frequency(i, f.size)) / float64(f.size)
		f.rows[i] = cmplx.Rect(1, k*(dy+float64(f.size/2)))
		f.columns[i] = cmplx.Rect(1, k*(dx+float64(f.size/2)))
	}
	f.factor()
	f.far.Inverse(f.wave)
	sum := 0.0
	for _, v := range f.wave {
		sum += real(v)*real(v) + imag(v)*imag(v)
	}
	factor := complex(math.Sqrt(power/sum), 0)
	for i, v := range f.wave {
		f.wave[i] = v * factor
	}
}

// lighten writes the intensity of the window's wave.
func (w *workspace) lighten(into []float32) {
	for i, v := range w.window.wave {
		into[i] = float32(real(v)*real(v) + imag(v)*imag(v))
	}
}

// unevenness is a smooth factor of a far field along either axis.
type unevenness struct {
	strength float64
	period   [2][3]float64
	phase    [2][3]float64
}

func (w *workspace) unevenness() unevenness {
	var u unevenness
	if !chance(w.Rand, streaked) {
		return u
	}
	u.strength = streaks.log(w.Rand)
	for axis := range u.period {
		for i := range u.period[axis] {
			u.period[axis][i] = within{0.1, 1}.log(w.Rand) // of the field of frequencies
			u.phase[axis][i] = 2 * math.Pi * w.Float64()
		}
	}
	return u
}

func (u unevenness) apply(f *field) {
	if u.strength == 0 {
		return
	}
	for axis, line := range [...][]complex128{f.rows, f.columns} {
		for i := range line {
			at := 2 * math.Pi * float64(spectrum.Frequency(i, f.size)) / float64(f.size)
			v := 1.0
			for j, period := range u.period[axis] {
				v += u.strength / 2 * math.Cos(at/period+u.phase[axis][j])
			}
			line[i] = complex(v, 0)
		}
	}
	f.factor()
}

// lens is the field behind, or before, the focus of a lens, or in it.
func (w *workspace) lens(stop float64, mirrors bool) optic {
	n := float64(w.n)
	wide := width.log(w.Rand) * n
	p := scenery.Pupil{Radius: pupilRadius.even(w.Rand) * n, Square: mirrors, Sharpness: border.log(w.Rand)}
	if chance(w.Rand, focused) {
		p.Radius = 1 / (2 * focusWidth.log(w.Rand)) // diffraction widens the focus to about 1 / (2 Radius) windows
		wide = 0
	}
	p.Stop = stop * p.Radius
	p.Defocus = sign(w.Rand) * wide * math.Pi / (2 * p.Radius * n)
	if chance(w.Rand, aberrated) {
		for _, a := range []*float64{&p.Astigmatism[0], &p.Astigmatism[1], &p.Coma[0], &p.Coma[1], &p.Spherical} {
			*a = aberration.even(w.Rand)
		}
	}
	if mirrors {
		p.Astigmatism[0] += stigma.even(w.Rand) * p.Defocus * p.Radius * p.Radius
	}
	return func(w *workspace, stretch float64) {
		q := p
		q.Defocus *= stretch
		f := w.area
		for r, ky := range w.cycles {
			for c, kx := range w.cycles {
				f.wave[r*f.size+c] = q.At(ky, kx)
			}
		}
	}
}

// nearField writes a field in the specimen's plane, or upstream of it, to the area's wave as its far field; phase is
// that of the way between them, at frequency 1.
func (w *workspace) nearField(at func(y, x float64) complex128, phase float64) {
	f := w.area
	for r := range f.size {
		y := float64(spectrum.Frequency(r, f.size))
		for c := range f.size {
			f.wave[r*f.size+c] = at(y, float64(spectrum.Frequency(c, f.size)))
		}
	}
	f.far.Forward(f.wave)
	if phase == 0 {
		return
	}
	for i, k := range w.cycles {
		f.rows[i] = cmplx.Rect(1, -phase*k*k)
	}
	copy(f.columns, f.rows)
	f.factor()
}

// gaussian is a laser's beam, at any distance from its waist.
func gaussian(w *workspace) optic {
	sigma := width.log(w.Rand) * float64(w.n) / 4 // of the intensity: a disc like it has a diameter of 4 sigma
	curvature, ratio := w.NormFloat64(), within{0.7, 1.4}.log(w.Rand)
	return func(w *workspace, stretch float64) {
		s := sigma * stretch
		w.nearField(func(y, x float64) complex128 {
			r2 := (y*y*ratio + x*x/ratio) / (s * s)
			if r2 > 80 {
				return 0
			}
			return cmplx.Rect(math.Exp(-r2/4), curvature*r2)
		}, 0)
	}
}

// pinhole is a round or square hole at a distance in front of the specimen.
func pinhole(w *workspace) optic {
	n := float64(w.n)
	radius := width.log(w.Rand) * n / 2
	hole := scenery.Pupil{Square: chance(w.Rand, 0.3), Sharpness: sharpness.log(w.Rand)}
	fresnel := within{0.5, 30}.log(w.Rand) // Fresnel number radius^2 / (wavelength distance)
	return func(w *workspace, stretch float64) {
		h := hole
		h.Radius = radius * stretch
		w.nearField(h.At, math.Pi*h.Radius*h.Radius/(fresnel*n*n))
	}
}

// diffuser is a spot with a random phase.
func diffuser(w *workspace) optic {
	n := float64(w.n)
	radius := width.log(w.Rand) * n / 2
	w.noise(bell(1 / (2 * math.Pi * grain.log(w.Rand))))
	for i, v := range w.area.wave {
		w.grain[i] = real(v)
	}
	strength, size := diffusion.even(w.Rand), w.area.size
	spot := scenery.Pupil{Sharpness: within{0.1, 1}.log(w.Rand)}
	return func(w *workspace, stretch float64) {
		s := spot
		s.Radius = radius * stretch
		w.nearField(func(y, x float64) complex128 {
			a := s.At(y, x)
			if a == 0 {
				return 0
			}
			return a * cmplx.Rect(1, strength*w.grain[(int(y)+size)%size*size+(int(x)+size)%size])
		}, 0)
	}
}
