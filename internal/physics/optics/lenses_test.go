package optics_test

import (
	"errors"
	"math"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
)

// grid is 8 keV and object pixels of 20 nm.
func grid(n int) optics.Sampling {
	return optics.Sampling{N: n, Wavelength: 1.5498e-10, Pixel: 20e-9}
}

type model interface {
	Probe(s optics.Sampling) (*ndarray.Complex64, error)
}

func made(t *testing.T, m model, s optics.Sampling) *ndarray.Complex64 {
	t.Helper()
	p, err := m.Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	if power := optics.Power(p); !(math.Abs(power-1) < 1e-5) {
		t.Errorf("power %g", power)
	}
	return p
}

// widths are the standard deviations of a probe's light along rows and columns, in metres.
func widths(p *ndarray.Complex64, s optics.Sampling) (high, wide float64) {
	n := p.Shape[0]
	for i, v := range p.Data {
		light := float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))
		y, x := float64(i/n-n/2)*s.Pixel, float64(i%n-n/2)*s.Pixel
		high, wide = high+light*y*y, wide+light*x*x
	}
	return math.Sqrt(high), math.Sqrt(wide)
}

// travelled is a probe after free space.
func travelled(p *ndarray.Complex64, s optics.Sampling, distance float64) *ndarray.Complex64 {
	field := make([]complex128, len(p.Data))
	for i, v := range p.Data {
		field[i] = complex128(v)
	}
	out := ndarray.New[complex64](s.N, s.N)
	for i, v := range s.Propagated(field, distance).Data {
		out.Data[i] = complex64(v)
	}
	return out
}

// TestDefocusIsFreeSpace: a probe behind the focus is the one before it after the way between. The lenses use the
// Fresnel transform and the Gaussian beam a formula, so the angular spectrum is another way to the same field.
func TestDefocusIsFreeSpace(t *testing.T) {
	s := grid(192)
	plate := optics.ZonePlate{Diameter: 100e-6, OuterZone: 80e-9, Stop: 30e-6}
	mirrors := optics.Mirrors{Aperture: [2]float64{300e-6, 200e-6}, Focus: [2]float64{0.2, 0.1}}
	beam := optics.GaussianBeam{Width: 120e-9}
	for name, at := range map[string]func(defocus float64) model{
		"zone plate": func(d float64) model { plate.Defocus = d; return plate },
		"mirrors":    func(d float64) model { mirrors.Defocus = d; return mirrors },
		"gaussian":   func(d float64) model { beam.Defocus = d; return beam },
	} {
		before, behind := made(t, at(-300e-6), s), made(t, at(400e-6), s)
		if like, shift := optics.Likeness(travelled(before, s, 700e-6), behind); !(like > 0.99 && shift < 0.1) {
			t.Errorf("%s: likeness %.4f, shifted by %.2f", name, like, shift)
		}
		if like, _ := optics.Likeness(travelled(before, s, -100e-6), behind); like > 0.9 {
			t.Errorf("%s: at the wrong side of the focus, the likeness is %.4f too", name, like)
		}
	}
}

// TestWidthsOfProbes against geometry.
func TestWidthsOfProbes(t *testing.T) {
	s := grid(256)
	// A cone of light opens by the outer zone's angle, wavelength / (2 outer zone): a ring of even light from the
	// stop's shadow to the rim has a standard deviation of sqrt((a^2 + b^2) / 4) along an axis.
	plate := optics.ZonePlate{Diameter: 100e-6, OuterZone: 80e-9, Stop: 60e-6, Defocus: 1e-3}
	rim := 1e-3 * s.Wavelength / (2 * 80e-9)
	want := math.Sqrt((rim*rim + 0.36*rim*rim) / 4)
	if high, wide := widths(made(t, plate, s), s); !(math.Abs(high/want-1) < 0.1 && math.Abs(wide/high-1) < 1e-3) {
		t.Errorf("zone plate: %.4g and %.4g, geometry says %.4g", high, wide, want)
	}
	// A rectangle has 1/sqrt(12) of its side.
	m := optics.Mirrors{Aperture: [2]float64{150e-6, 300e-6}, Focus: [2]float64{0.1, 0.1}, Defocus: 1e-3}
	high, wide := widths(made(t, m, s), s)
	if !(math.Abs(high/(1.5e-6/math.Sqrt(12))-1) < 0.1 && math.Abs(wide/(3e-6/math.Sqrt(12))-1) < 0.1) {
		t.Errorf("mirrors: %.4g and %.4g", high, wide)
	}
	// A disk has half of its radius.
	if high, _ := widths(made(t, optics.Pinhole{Diameter: 2e-6}, s), s); !(math.Abs(high/0.5e-6-1) < 0.01) {
		t.Errorf("pinhole: %.4g", high)
	}
	// A Gaussian of Width at half its peak, sqrt(2) wider after a Rayleigh range.
	sigma := 300e-9 / (2 * math.Sqrt(2*math.Ln2))
	rayleigh := 4 * math.Pi * sigma * sigma / s.Wavelength
	if high, _ := widths(made(t, optics.GaussianBeam{Width: 300e-9, Defocus: rayleigh}, s), s); !(math.Abs(high/
		(sigma*math.Sqrt2)-1) < 1e-3) {
		t.Errorf("gaussian: %.4g, want %.4g", high, sigma*math.Sqrt2)
	}
}

// TestImpossibleOptics: each fault names its flag.
func TestImpossibleOptics(t *testing.T) {
	good := optics.ZonePlate{Diameter: 100e-6, OuterZone: 80e-9, Stop: 30e-6}
	plate := func(change func(z *optics.ZonePlate)) model { z := good; change(&z); return z }
	for _, c := range []struct {
		key string
		m   model
	}{
		{"--aperture-um", plate(func(z *optics.ZonePlate) { z.Diameter = 0 })},
		{"--aperture-um", plate(func(z *optics.ZonePlate) { z.OuterZone = 10e-9 })}, // wider than the detector
		{"--zone-nm", plate(func(z *optics.ZonePlate) { z.OuterZone = math.NaN() })},
		{"--stop-um", plate(func(z *optics.ZonePlate) { z.Stop = 100e-6 })},
		{"--defocus-um", plate(func(z *optics.ZonePlate) { z.Defocus = 1 })},
		{"--defocus-um", plate(func(z *optics.ZonePlate) { z.Defocus = -1 })},
		{"--defocus-um", optics.GaussianBeam{Width: 100e-9, Defocus: 1}},
		{"--focal-mm", optics.Mirrors{Aperture: [2]float64{1e-4, 1e-4}, Focus: [2]float64{0, 1}}},
		{"--aperture-um", optics.Pinhole{Diameter: 1e-3}},
	} {
		var bad *badinput.Error
		if _, err := c.m.Probe(grid(64)); !errors.As(err, &bad) || bad.Key != c.key {
			t.Errorf("%+v: %v, want a fault of %s", c.m, err, c.key)
		}
	}
}
