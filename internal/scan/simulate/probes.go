package simulate

import (
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/scan/scenery"
)

// ProbeKind names a kind of probe.
type ProbeKind string

// The kinds of probe.
const (
	Gaussian  ProbeKind = "gaussian"
	Disk      ProbeKind = "disk"      // focus of a round lens, defocused
	ZonePlate ProbeKind = "zoneplate" // focus of a zone plate with a central stop, defocused
)

// probes make a field (n, n), centred at n/2, of a size in pixels.
var probes = table[ProbeKind, func(n int, size float64) []complex128]{
	{Gaussian, gaussian},
	{Disk, func(n int, size float64) []complex128 { return focus(n, size, 0) }},
	{ZonePlate, func(n int, size float64) []complex128 { return focus(n, size, 0.35) }},
}

// UnmarshalText reads a kind from a flag.
func (k *ProbeKind) UnmarshalText(text []byte) error { return probes.parse(text, k) }

// Probe makes a probe of n x n pixels, centred at n/2, of power 1. The size in pixels is a gaussian's width at half
// intensity, and the diameter of the cone behind a disk's or a zone plate's focus, to which diffraction adds.
func Probe(kind ProbeKind, n int, size float64) (*ndarray.Complex64, error) {
	field, err := probes.find(kind)
	if err != nil {
		return nil, err
	}
	values, power := field(n, size), 0.0
	for _, v := range values {
		power += real(v * cmplx.Conj(v))
	}
	probe := ndarray.New[complex64](n, n)
	for i, v := range values {
		probe.Data[i] = complex64(v / complex(math.Sqrt(power), 0))
	}
	return probe, nil
}

// gaussian has a gentle curvature of its phase, as a beam beyond its waist has.
func gaussian(n int, size float64) []complex128 {
	sigma := size / (2 * math.Sqrt(math.Ln2)) // of the amplitude: intensity falls to half at size/2
	out := make([]complex128, n*n)
	for i := range out {
		y, x := float64(i/n-n/2), float64(i%n-n/2)
		r2 := (x*x + y*y) / (sigma * sigma)
		out[i] = cmplx.Rect(math.Exp(-r2/2), 0.5*r2)
	}
	return out
}

// focus is the defocused focus of a lens whose aperture is a disc, or a ring where stop > 0 (as a share of the radius).
// The aperture's radius and the defocus are set so that the cone has opened to the wanted size.
func focus(n int, size, stop float64) []complex128 {
	// of the aperture, in frequency pixels: a speckle is about 6/2 pixels
	radius := float64(n) / 6
	defocus := size * math.Pi / (2 * radius * float64(n)) // phase defocus*f^2 spreads geometrically over size pixels
	pupil := scenery.Pupil{Radius: radius, Stop: stop * radius, Defocus: defocus}
	aperture := spectrum.New(n, n)
	for i := range aperture.Data {
		ky, kx := float64(spectrum.Frequency(i/n, n)), float64(spectrum.Frequency(i%n, n))
		aperture.Data[i] = pupil.At(ky, kx)
	}
	aperture.IFFT()
	return aperture.Centre().Data
}
