package guess

import (
	"fmt"
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// pupilWidths are those of a defocused pupil's beam that are tried, as shares of the frame, before and behind the
// focus. The solver corrects a width that is wrong by a third.
var pupilWidths = []float64{0.06, 0.09, 0.13, 0.18, 0.25, 0.35, 0.5}

// beams are the plain beams that are tried. A width is a factor of the one that speckles tell. A spread is the angle of
// the beam's rim as a share of the detector's half side; negative ones converge, so the sample is before the focus.
var beams = []struct {
	name            string
	widths, spreads []float64
	amplitude       func(r float64) float64 // by the distance from the axis, in widths
}{
	{"gaussian", []float64{0.75, 1.05, 1.5}, []float64{0, 0.1, -0.1, 0.2, -0.2}, func(r float64) float64 {
		return math.Exp(-2 * math.Ln2 * r * r)
	}},
	{"disk", []float64{1.1, 1.5, 2}, []float64{0, 0.1, -0.1, 0.2, -0.2, 0.3, -0.3, 0.4, -0.4}, func(r float64) float64 {
		return math.Exp(-math.Ln2 / 2 * math.Pow(2*r, 8))
	}},
}

// candidates are the probes (n, n) that are tried for a mean pattern (n, n), whose speckles tell a beam's width.
//
// Where the object scatters weakly, the mean pattern shows the pupil of the optics, and only the defocus is open. Where
// it scatters strongly, the mean pattern shows the object's scattering, and beams of a plain shape are nearer.
func candidates(mean []float64, n int, width float64) []*trial {
	p := newPupil(mean, n)
	out := []*trial{{name: "pupil in focus", probe: p.field(0)}}
	for _, w := range pupilWidths {
		for _, share := range []float64{w, -w} {
			out = append(out, &trial{name: fmt.Sprintf("pupil %+.2f", share), probe: p.field(share * float64(n))})
		}
	}
	for _, b := range beams {
		for _, factor := range b.widths {
			w := min(factor*width, 0.7*float64(n))
			for _, spread := range b.spreads {
				name := fmt.Sprintf("%s %.1f, %+.2f", b.name, w, spread)
				out = append(out, &trial{name: name, probe: beam(n, w, spread, b.amplitude)})
			}
		}
	}
	return out
}

// pupil is a far field's modulus.
type pupil struct {
	n         int
	amplitude []float64 // (n, n), zero frequency at [n/2, n/2]
	row, col  float64   // of its middle
	radius    float64   // r.m.s.
}

// newPupil takes the root of a mean pattern.
func newPupil(mean []float64, n int) *pupil {
	p := &pupil{n: n, amplitude: make([]float64, n*n)}
	power := sum(mean)
	for i, v := range mean {
		p.amplitude[i] = math.Sqrt(v)
		p.row, p.col = p.row+v/power*float64(i/n), p.col+v/power*float64(i%n)
	}
	for i, v := range mean {
		r := math.Hypot(float64(i/n)-p.row, float64(i%n)-p.col)
		p.radius += v / power * r * r
	}
	p.radius = max(math.Sqrt(p.radius), 0.5) // a single pixel has no radius
	return p
}

// field is the probe whose far field is the pupil, defocused until its cone has a width in pixels; 0 is the focus. The
// phase -c k^2 of a far field moves light of frequency k, in pixels of the detector, by c k n / pi pixels of the
// sample. The rim of an evenly lit disk is at sqrt(2) times its r.m.s. radius.
func (p *pupil) field(width float64) *ndarray.Complex64 {
	c := width * math.Pi / (2 * math.Sqrt2 * p.radius * float64(p.n))
	f := spectrum.New(p.n, p.n)
	for i, a := range p.amplitude {
		y, x := float64(i/p.n)-p.row, float64(i%p.n)-p.col
		f.Data[i] = cmplx.Rect(a, -c*(y*y+x*x))
	}
	f = f.Roll(-(p.n / 2), -(p.n / 2))
	f.IFFT()
	return asProbe(f.Centre(), float64(p.n))
}

// beam is a round field of a profile and a width in pixels, whose rim spreads by a share of the detector's half side:
// its phase is pi c r^2 / n, whose slope is c r / n cycles a pixel.
func beam(n int, width, spread float64, amplitude func(r float64) float64) *ndarray.Complex64 {
	c := spread * float64(n) / width // spread n/2 = c (width/2)
	f := spectrum.New(n, n)
	for i := range f.Data {
		r := math.Hypot(float64(i/n-n/2), float64(i%n-n/2))
		f.Data[i] = cmplx.Rect(amplitude(r/width), math.Pi*c*r*r/float64(n))
	}
	return asProbe(f, 1)
}
