package optics

import (
	"fmt"
	"math"
	"math/cmplx"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// Pinhole is a round hole, some way before the sample. All lengths are in metres.
type Pinhole struct {
	Diameter float64
	Distance float64 // from the hole to the sample
}

// Probe is the field at the sample, (N, N), of power 1.
func (p Pinhole) Probe(s Sampling) (*ndarray.Complex64, error) {
	if err := positive([]length{{"--aperture-um", p.Diameter}}); err != nil {
		return nil, err
	}
	if frame := float64(s.N) * s.Pixel; !(p.Diameter <= frame) {
		return nil, &badinput.Error{Key: "--aperture-um", Found: fmt.Sprintf("%g", p.Diameter*1e6),
			Expected: fmt.Sprintf("at most %.4g, the frame of the probe", frame*1e6)}
	}
	hole := make([]complex128, s.N*s.N)
	for i := range hole {
		y, x := float64(i/s.N-s.N/2)*s.Pixel, float64(i%s.N-s.N/2)*s.Pixel
		hole[i] = complex(edge(p.Diameter/2-math.Hypot(y, x), s.Pixel), 0)
	}
	return unitProbe(s.Propagated(hole, p.Distance)), nil
}

// GaussianBeam is a beam of Gaussian profile. All lengths are in metres.
type GaussianBeam struct {
	Width   float64 // of the waist, full width of the intensity at half its peak
	Defocus float64 // from the waist to the sample, positive behind the waist
}

// Probe is the field at the sample, (N, N), of power 1: exp(-r^2 / (4 s^2 q)) with q = 1 + i z / zR and the Rayleigh
// range zR = 4 pi s^2 / wavelength, s the standard deviation of the waist's intensity (Siegman, Lasers, 17.1).
func (g GaussianBeam) Probe(s Sampling) (*ndarray.Complex64, error) {
	if err := positive([]length{{"--aperture-um", g.Width}}); err != nil {
		return nil, err
	}
	sigma := g.Width / (2 * math.Sqrt(2*math.Ln2))
	q := complex(1, g.Defocus*s.Wavelength/(4*math.Pi*sigma*sigma))
	if frame, width := float64(s.N)*s.Pixel, g.Width*cmplx.Abs(q); !(width <= frame) {
		return nil, &badinput.Error{Key: "--defocus-um",
			Found:    fmt.Sprintf("%g, where the beam is %.4g micrometres wide", g.Defocus*1e6, width*1e6),
			Expected: fmt.Sprintf("a beam of at most %.4g, the frame of the probe", frame*1e6)}
	}
	field := spectrum.New(s.N, s.N)
	for i := range field.Data {
		y, x := float64(i/s.N-s.N/2)*s.Pixel, float64(i%s.N-s.N/2)*s.Pixel
		field.Data[i] = cmplx.Exp(-complex((y*y+x*x)/(4*sigma*sigma), 0) / q)
	}
	return unitProbe(field), nil
}
