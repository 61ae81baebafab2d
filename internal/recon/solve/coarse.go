package solve

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/spectrum"
)

// Coarse is the problem on the central part of the detector, 1/factor of its side. The object's pixels are that much
// larger, and a pass is faster by the square of it. Positions and the strongest mode of the probe come along, an object
// does not. The factor must divide N/2.
func (p Problem) Coarse(factor int) Problem {
	n := p.Patterns.Side()
	side := n / factor
	first := n/2 - side/2
	out := Problem{Patterns: newCentral(p.Patterns, side), Probe: p.probeOn(side)}
	for m := range p.X {
		out.X, out.Y = append(out.X, p.X[m]/float64(factor)), append(out.Y, p.Y[m]/float64(factor))
	}
	if p.Measured != nil {
		for r := range side {
			out.Measured = append(out.Measured, p.Measured[(first+r)*n+first:][:side]...)
		}
	}
	return out
}

// probeOn is the first mode of the probe with the central side x side pixels of its far field.
func (p Problem) probeOn(side int) *ndarray.Complex64 {
	n := p.Patterns.Side()
	field := spectrum.New(n, n)
	for i := range field.Data {
		field.Data[i] = complex128(p.Probe.Data[i])
	}
	field = field.Roll(-(n / 2), -(n / 2))
	field.FFT()
	field = field.Roll(n/2, n/2).Crop(n/2-side/2, n/2-side/2, side, side).Roll(-(side / 2), -(side / 2))
	field.IFFT()
	field = field.Roll(side/2, side/2)
	out := ndarray.New[complex64](side, side)
	for i, v := range field.Data {
		out.Data[i] = complex64(v)
	}
	return out
}
