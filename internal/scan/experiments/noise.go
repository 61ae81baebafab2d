package experiments

import (
	"math"

	"ptyx/internal/physics/spectrum"
)

// filter is the amplitude of a noise at a frequency in cycles per window, above 0, which is given with its logarithm.
type filter func(cycles, log float64) float64

// noise writes two independent Gaussian fields of a filter's spectrum, mean 0 and variance 1, to the real and imaginary
// part of the area's wave. It returns the root mean square frequency, in cycles per window.
func (w *workspace) noise(shape filter) float64 {
	f := w.area
	w.tabulate(shape)
	power, moment, i := 0.0, 0.0, 0
	for row := range f.size {
		ky := spectrum.Frequency(row, f.size)
		for column := range f.size {
			kx := spectrum.Frequency(column, f.size)
			a := f.radial[ky*ky+kx*kx]
			power += a * a
			moment += a * a * float64(ky*ky+kx*kx)
			if a == 0 {
				f.wave[i] = 0
			} else {
				f.wave[i] = complex(a*w.NormFloat64(), a*w.NormFloat64())
			}
			i++
		}
	}
	f.far.Forward(f.wave)
	scale := complex(1/math.Sqrt(power), 0)
	for i, v := range f.wave {
		f.wave[i] = v * scale
	}
	return math.Sqrt(moment/power) * float64(w.n) / float64(w.area.size)
}

// tabulate writes the filter to a table by the square of the frequency, each of which several pixels share. A filter
// that leaves nothing still has its lowest frequency, so that no field is empty.
func (w *workspace) tabulate(shape filter) {
	f := w.area
	cycle := float64(w.n) / float64(w.area.size)
	f.radial[0], f.radial[1] = 0, 0
	for square := 1; square < len(f.radial); square++ {
		a := shape(math.Sqrt(float64(square))*cycle, f.logs[square])
		if a < 1e-4*f.radial[1] {
			a = 0
		}
		f.radial[square] = a
	}
	f.radial[1] = max(f.radial[1], 1e-12)
}

// powerLaw falls with a power of the frequency.
func powerLaw(exponent float64) filter {
	return func(_, log float64) float64 { return math.Exp(-exponent * log) }
}

// bell has frequencies up to about a limit.
func bell(limit float64) filter {
	return func(k, _ float64) float64 { return math.Exp(-k * k / (2 * limit * limit)) }
}

// band has frequencies around one, within a relative width.
func band(middle, relative float64) filter {
	return func(k, _ float64) float64 {
		d := (k - middle) / (relative * middle)
		return math.Exp(-d * d / 2)
	}
}
