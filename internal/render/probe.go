package render

import (
	"math"
	"math/cmplx"

	"ptyx/internal/ndarray"
)

// Probe draws a probe (N, N) to a PNG file: its amplitude, and its phase as it is, wrapped.
func Probe(path string, probe *ndarray.Complex64) error {
	amplitude, err := AmplitudePanel(probe, View{})
	if err != nil {
		return err
	}
	img, err := crop(probe, View{})
	if err != nil {
		return err
	}
	angles := make([]float64, len(img.data))
	for i, v := range img.data {
		angles[i] = cmplx.Phase(complex128(v))
	}
	phase := img.panel(angles, Cyclic, -math.Pi, math.Pi, "phase (rad)")
	return Sheet(path, [][]Cell{{amplitude, phase}})
}
