package optics

import (
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// Sampling is the grid of a probe in the plane of the sample: N x N pixels.
type Sampling struct {
	N          int
	Wavelength float64 // metres
	Pixel      float64 // of the object, metres
}

// pupil samples an aperture over one axis, at the distance from it to the sample at which the fast Fresnel transform
// has N pixels of the sample: wavelength x distance / (N x pixel).
func (s Sampling) pupil(distance float64) float64 {
	return s.Wavelength * distance / (float64(s.N) * s.Pixel)
}

// focused is the field in the sample's plane behind a lens with an aperture: the Fresnel transform of a field of
// transmission t(y, x), in metres from the axis, and of the lens's phase. focus and distance are those from the lens to
// its focus and to the sample, in metres, for rows and columns.
//
// The transform is exp(i pi x^2 / (wavelength L)) F[t exp(-i pi r^2 / wavelength (1/f - 1/L))] (Goodman, Introduction
// to Fourier Optics, 4.2). With numpy's forward transform to the detector, a positive defocus is behind the focus.
func (s Sampling) focused(focus, distance [2]float64, t func(y, x, pixel float64) float64) *ndarray.Complex64 {
	field := spectrum.New(s.N, s.N)
	py, px := s.pupil(distance[0]), s.pupil(distance[1])
	phase := func(r float64, axis int) float64 {
		return -math.Pi * r * r / s.Wavelength * (1/focus[axis] - 1/distance[axis])
	}
	for i := range field.Data {
		y := float64(spectrum.Frequency(i/s.N, s.N)) * py
		x := float64(spectrum.Frequency(i%s.N, s.N)) * px
		field.Data[i] = cmplx.Rect(t(y, x, max(py, px)), phase(y, 0)+phase(x, 1))
	}
	field.FFT()
	field = field.Centre()
	for i := range field.Data {
		y, x := float64(i/s.N-s.N/2)*s.Pixel, float64(i%s.N-s.N/2)*s.Pixel
		field.Data[i] *= cmplx.Rect(1, math.Pi/s.Wavelength*(y*y/distance[0]+x*x/distance[1]))
	}
	return unitProbe(field)
}

// largestDefocus is the defocus, in metres, whose cone of light fills the frame: a lens of an aperture and a focal
// length spreads by aperture/focal length.
func (s Sampling) largestDefocus(aperture, focus float64) float64 {
	return float64(s.N) * s.Pixel * focus / aperture
}

// edge is the share of a pixel inside an aperture whose rim is at a distance from its middle, negative outside.
func edge(inside, pixel float64) float64 { return min(max(inside/pixel+0.5, 0), 1) }

// unitProbe is a field (N, N) as a probe of power 1.
func unitProbe(f *spectrum.Field) *ndarray.Complex64 {
	power := 0.0
	for _, v := range f.Data {
		power += real(v)*real(v) + imag(v)*imag(v)
	}
	out := ndarray.New[complex64](f.H, f.W)
	scale := complex(1/math.Sqrt(power), 0)
	for i, v := range f.Data {
		out.Data[i] = complex64(v * scale)
	}
	return out
}

// Propagated is a field (N, N) after free space of a distance in metres, by the angular spectrum: its transform times
// exp(2 pi i z / wavelength sqrt(1 - (wavelength f)^2)), 0 for evanescent waves. The field is padded to twice its side,
// so that light that leaves the frame does not come back from the other side.
func (s Sampling) Propagated(field []complex128, distance float64) *spectrum.Field {
	n := s.N
	wide := spectrum.New(2*n, 2*n)
	for r := range n {
		copy(wide.Data[(r+n/2)*2*n+n/2:][:n], field[r*n:][:n])
	}
	wide.FFT()
	step := s.Wavelength / (2 * float64(n) * s.Pixel)
	for i := range wide.Data {
		y, x := float64(spectrum.Frequency(i/(2*n), 2*n))*step, float64(spectrum.Frequency(i%(2*n), 2*n))*step
		cos2 := 1 - y*y - x*x
		if cos2 < 0 {
			wide.Data[i] = 0
			continue
		}
		// Less 1: the common phase of the distance has no meaning, and its digits would cost those of the difference.
		wide.Data[i] *= cmplx.Rect(1, 2*math.Pi*distance/s.Wavelength*(math.Sqrt(cos2)-1))
	}
	wide.IFFT()
	return wide.Crop(n/2, n/2, n, n)
}
