package optics

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// ZonePlate is a Fresnel zone plate with a central stop. All lengths are in metres.
type ZonePlate struct {
	Diameter, OuterZone float64
	Stop                float64 // diameter of the central stop; 0: none
	Defocus             float64 // from the focus to the sample, positive behind the focus
}

// Probe is the field of the first order at the sample, (N, N), of power 1. The focal length is diameter x outer zone /
// wavelength. An order-sorting aperture only removes what this field does not have.
func (z ZonePlate) Probe(s Sampling) (*ndarray.Complex64, error) {
	if err := positive([]length{{"--aperture-um", z.Diameter}, {"--zone-nm", z.OuterZone}}); err != nil {
		return nil, err
	}
	if !(z.Stop >= 0 && z.Stop < z.Diameter) {
		return nil, &badinput.Error{Key: "--stop-um", Found: fmt.Sprintf("%g", z.Stop*1e6),
			Expected: fmt.Sprintf("0 (no stop), or less than the aperture of %g", z.Diameter*1e6)}
	}
	focus := z.Diameter * z.OuterZone / s.Wavelength
	if err := s.fits("--aperture-um", z.Diameter, focus, z.Defocus); err != nil {
		return nil, err
	}
	l := focus + z.Defocus
	return s.focused([2]float64{focus, focus}, [2]float64{l, l}, func(y, x, pixel float64) float64 {
		r := math.Hypot(y, x)
		open := edge(z.Diameter/2-r, pixel)
		if z.Stop > 0 {
			open *= edge(r-z.Stop/2, pixel)
		}
		return open
	}), nil
}

// Mirrors are a pair of Kirkpatrick-Baez mirrors. Each pair of values is that of rows (vertical), then of columns. All
// lengths are in metres.
type Mirrors struct {
	Aperture [2]float64 // height and width of the beam on the mirrors
	Focus    [2]float64 // from each mirror to the focus
	Defocus  float64    // from the focus to the sample, positive behind the focus
}

// Probe is the field at the sample, (N, N), of power 1: that of a cylindrical lens for each axis.
func (m Mirrors) Probe(s Sampling) (*ndarray.Complex64, error) {
	if err := positive([]length{
		{"--aperture-um", m.Aperture[0]}, {"--aperture-um", m.Aperture[1]},
		{"--focal-mm", m.Focus[0]}, {"--focal-mm", m.Focus[1]},
	}); err != nil {
		return nil, err
	}
	for axis, aperture := range m.Aperture {
		if err := s.fits("--aperture-um", aperture, m.Focus[axis], m.Defocus); err != nil {
			return nil, err
		}
	}
	distance := [2]float64{m.Focus[0] + m.Defocus, m.Focus[1] + m.Defocus}
	py, px := s.pupil(distance[0]), s.pupil(distance[1])
	return s.focused(m.Focus, distance, func(y, x, _ float64) float64 {
		return edge(m.Aperture[0]/2-math.Abs(y), py) * edge(m.Aperture[1]/2-math.Abs(x), px)
	}), nil
}

// fits refuses a lens that the frame does not hold: its cone at the sample must be smaller than the frame, and its
// aperture smaller than the detector, whose half sees the angle wavelength / (2 pixel).
func (s Sampling) fits(key string, aperture, focus, defocus float64) error {
	if !(focus+defocus > 0) {
		return &badinput.Error{Key: "--defocus-um", Found: fmt.Sprintf("%g", defocus*1e6),
			Expected: fmt.Sprintf("more than %.4g: the lens is there", -focus*1e6)}
	}
	if most := s.Wavelength * (focus + defocus) / s.Pixel; !(aperture <= most) {
		return &badinput.Error{Key: key, Found: fmt.Sprintf("%g, whose cone is wider than the detector", aperture*1e6),
			Expected: fmt.Sprintf("at most %.4g", most*1e6),
			Remedy:   "check the pixel of the object, the energy and the focal length"}
	}
	if most := s.largestDefocus(aperture, focus); !(math.Abs(defocus) <= most) {
		return &badinput.Error{Key: "--defocus-um",
			Found:    fmt.Sprintf("%g, where the beam is wider than the frame of the probe", defocus*1e6),
			Expected: fmt.Sprintf("between -%.4g and %.4g", most*1e6, most*1e6),
			Remedy:   "check the pixel of the object and its number of pixels"}
	}
	return nil
}

// length is a value with the flag that gives it.
type length struct {
	key   string
	value float64
}

func positive(lengths []length) error {
	for _, l := range lengths {
		if !(l.value > 0) || math.IsInf(l.value, 1) {
			return &badinput.Error{Key: l.key, Found: fmt.Sprintf("%g", l.value), Expected: "a positive number"}
		}
	}
	return nil
}
