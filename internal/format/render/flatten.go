package render

import (
	"math"
	"math/cmplx"

	"ptyx/internal/physics/spectrum"
)

// flatPhase is the phase of an object without its linear ramp and its mean phase, in [-pi, pi]. The ramp is the
// frequency at which the transform of the central half, where the coverage is even, is largest. This needs no
// unwrapping.
func flatPhase(img *cropped[complex64]) []float64 {
	top, left, h, w := img.h/4, img.w/4, img.h-2*(img.h/4), img.w-2*(img.w/4)
	centre := spectrum.New(h, w)
	for r := range h {
		for c := range w {
			i := (top+r)*img.w + left + c
			if v := complex128(img.data[i]); img.shown[i] && !cmplx.IsNaN(v) && !cmplx.IsInf(v) {
				centre.Data[r*w+c] = v
			}
		}
	}
	kr, kc := spectrum.Peak(centre)
	centre.Ramp(-kr, -kc, float64(-top), float64(-left))
	mean := 0i
	for _, v := range centre.Data {
		mean += v
	}
	level := cmplx.Phase(mean)
	rows, cols := phases(img.h, kr), phases(img.w, kc)
	values := make([]float64, len(img.data))
	for i, v := range img.data {
		angle := math.Atan2(float64(imag(v)), float64(real(v))) - rows[i/img.w] - cols[i%img.w] - level
		values[i] = math.Remainder(angle, 2*math.Pi)
	}
	return values
}

// phases are the ramp's phases along one axis.
func phases(n int, k float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = k * float64(i)
	}
	return out
}
