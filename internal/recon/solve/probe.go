package solve

import (
	"math"
	"math/cmplx"
	"slices"

	"ptyx/internal/physics/spectrum"
)

// keepPower scales the probe to the mean power of the patterns, and the object inversely, so that their product stays.
// Otherwise the two could trade a factor.
func (s *state) keepPower() {
	factor := s.scaleProbe()
	for i := range s.object.re {
		s.object.re[i] /= factor
		s.object.im[i] /= factor
	}
}

// leastPower is the share of the light that the probe has at least, beside a background.
const leastPower = 0.1

// scaleProbe gives the probe a power of 1 per pixel, less the background, and returns the factor.
func (s *state) scaleProbe() float32 {
	power := 0.0
	for i, re := range s.probeRe.Data {
		power += float64(re)*float64(re) + float64(s.probeIm.Data[i])*float64(s.probeIm.Data[i])
	}
	total := float64(s.n * s.n)
	factor := float32(math.Sqrt(max(total-s.offset.total(), leastPower*total) / power))
	for i := range s.probeRe.Data {
		s.probeRe.Data[i] *= factor
		s.probeIm.Data[i] *= factor
	}
	return factor
}

// modeShare is the share of the light with which a mode that was not given starts.
const modeShare = 0.02

// addModes fills the modes from number given on with the first mode times x^i y^j, the lowest powers first, as a source
// of finite size makes them. orthogonalise makes orthogonal modes of them.
func (s *state) addModes(given int) {
	size := s.n * s.n
	centre := s.centroid()
	power := 0.0
	for i, re := range s.probeRe.Data[:size] {
		power += float64(re)*float64(re) + float64(s.probeIm.Data[i])*float64(s.probeIm.Data[i])
	}
	i, j := 0, 1 // powers of y and x
	for k := 1; k < s.options.Modes; k++ {
		if k >= given {
			re, im := s.probeRe.Data[k*size:][:size], s.probeIm.Data[k*size:][:size]
			sum := 0.0
			for q := range size {
				y, x := s.across(float64(q/s.n)-centre.y), s.across(float64(q%s.n)-centre.x)
				f := float32(math.Pow(y, float64(i)) * math.Pow(x, float64(j)))
				re[q], im[q] = f*s.probeRe.Data[q], f*s.probeIm.Data[q]
				sum += float64(re[q])*float64(re[q]) + float64(im[q])*float64(im[q])
			}
			factor := float32(math.Sqrt(modeShare * power / sum))
			for q := range size {
				re[q] *= factor
				im[q] *= factor
			}
		}
		if i, j = i+1, j-1; j < 0 {
			i, j = 0, i
		}
	}
}

// across is a distance along an axis of the probe, in units of half its length, the shorter of the two ways around.
func (s *state) across(d float64) float64 {
	half := float64(s.n) / 2
	return math.Remainder(d, 2*half) / half
}

// orthogonalise turns the modes into orthogonal ones with the same patterns, the strongest first, by the unitary
// rotations of Hestenes (J. Soc. Indust. Appl. Math. 6, 51, 1958). Where the first mode varies, it stays: the variable
// modes add to its field alone, so turning it with others would change the patterns.
func (s *state) orthogonalise() {
	first := 0
	if s.options.OPR > 0 {
		first = 1
	}
	for range 30 { // a few sweeps are enough
		if !s.sweep(first) {
			break
		}
	}
	for k := first + 1; k < s.options.Modes; k++ { // few modes: insertion
		for l := k; l > first && s.modePower(l) > s.modePower(l-1); l-- {
			s.rotate(l-1, l, 0, 1, 1)
		}
	}
}

// maxOverlap is the overlap of two modes, relative to their norms, below which they are orthogonal in float32.
const maxOverlap = 1e-5

// sweep rotates every pair of modes from the first on that is not orthogonal, and reports whether there was one.
func (s *state) sweep(first int) (rotated bool) {
	for k := first; k < s.options.Modes; k++ {
		for l := k + 1; l < s.options.Modes; l++ {
			a, b, c := s.modePower(k), s.modePower(l), s.modeOverlap(k, l)
			if !(cmplx.Abs(c) > maxOverlap*math.Sqrt(a*b)) {
				continue
			}
			rotated = true
			tau := (b - a) / (2 * cmplx.Abs(c))
			t := math.Copysign(1, tau) / (math.Abs(tau) + math.Sqrt(1+tau*tau))
			cos := 1 / math.Sqrt(1+t*t)
			s.rotate(k, l, cos, t*cos, c/complex(cmplx.Abs(c), 0))
		}
	}
	return rotated
}

// rotate replaces the modes k and l by cos P_k - sin conj(phase) P_l and sin phase P_k + cos P_l.
func (s *state) rotate(k, l int, cos, sin float64, phase complex128) {
	size := s.n * s.n
	up, down := complex(sin, 0)*phase, -complex(sin, 0)*cmplx.Conj(phase)
	for q := range size {
		a, b := s.mode(k, q), s.mode(l, q)
		s.setMode(k, q, complex(cos, 0)*a+down*b)
		s.setMode(l, q, up*a+complex(cos, 0)*b)
	}
}

func (s *state) mode(k, q int) complex128 {
	i := k*s.n*s.n + q
	return complex(float64(s.probeRe.Data[i]), float64(s.probeIm.Data[i]))
}

func (s *state) setMode(k, q int, v complex128) {
	i := k*s.n*s.n + q
	s.probeRe.Data[i], s.probeIm.Data[i] = float32(real(v)), float32(imag(v))
}

func (s *state) modePower(k int) float64 { return real(s.modeOverlap(k, k)) }

// modeOverlap is sum conj(P_k) P_l.
func (s *state) modeOverlap(k, l int) (sum complex128) {
	for q := range s.n * s.n {
		sum += cmplx.Conj(s.mode(k, q)) * s.mode(l, q)
	}
	return sum
}

// centroid is a point on the probe's array, in pixels.
type centroid struct{ y, x float64 }

// centroid is the centre of the probe's light by the phase of its lowest frequencies, which follows a shift also across
// the border.
func (s *state) centroid() centroid {
	light, _ := s.light()
	y, x, _ := spectrum.Centroid(light, s.n)
	return centroid{y, x}
}

// drift is the shift of the probe since the start.
func (s *state) drift() (dy, dx float64) {
	now := s.centroid()
	return math.Remainder(now.y-s.start.y, float64(s.n)), math.Remainder(now.x-s.start.x, float64(s.n))
}

// centreProbe shifts probe and object together by whole pixels, so that the probe stays within half a pixel of its
// start, and returns the shift. Patterns do not fix a common shift, which changes only phases of the far field. A shift
// by a fraction would interpolate the object.
func (s *state) centreProbe() (rows, cols int) {
	if s.tile {
		return 0, 0
	}
	dy, dx := s.drift()
	rows, cols = -int(math.Round(dy)), -int(math.Round(dx))
	if rows != 0 || cols != 0 {
		s.unknowns().roll(s, rows, cols)
	}
	return rows, cols
}

// roll shifts object and probe cyclically: at the border of either there is no light.
func (u unknowns) roll(s *state, rows, cols int) {
	for _, plane := range u.object {
		roll(plane, s.object.height, s.object.width, rows, cols)
	}
	for _, modes := range u.probe {
		for size := s.n * s.n; len(modes) > 0; modes = modes[size:] {
			roll(modes[:size], s.n, s.n, rows, cols)
		}
	}
}

func roll(image []float32, height, width, rows, cols int) {
	old := slices.Clone(image)
	for r := range height {
		to, from := image[r*width:][:width], old[wrap(r-rows, height)*width:][:width]
		for c := range to {
			to[c] = from[wrap(c-cols, width)]
		}
	}
}

// wrap is i modulo n, in [0, n).
func wrap(i, n int) int { return (i%n + n) % n }
