package render

import (
	"fmt"
	"math"
	"math/cmplx"

	"ptyx/internal/base/ndarray"
)

// Probe draws the amplitude and the wrapped phase of probes (N, N) to a PNG file, one probe below the other.
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
		angles := img.values(func(v complex64) float64 { return cmplx.Phase(complex128(v)) })
		phase := img.panel(angles, Cyclic, -math.Pi, math.Pi, "phase (rad)")
		if len(probes) > 1 {
			amplitude.Title = fmt.Sprintf("scan %d", i+1)
			phase.Title = amplitude.Title
		}
		rows = append(rows, []Cell{amplitude, phase})
	}
	return Sheet(path, rows)
}
