package render

import (
	"fmt"
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
)

// Probe draws probes (N, N) to a PNG file, one below the other: the amplitude, and the phase as it is, wrapped.
func Probe(path string, probes ...*ndarray.Complex64) error {
	var rows [][]Cell
	for i, probe := range probes {
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
		if len(probes) > 1 {
			amplitude.Title = fmt.Sprintf("scan %d", i+1)
			phase.Title = amplitude.Title
		}
		rows = append(rows, []Cell{amplitude, phase})
	}
	return Sheet(path, rows)
}
