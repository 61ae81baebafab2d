package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Floors of a correction, in the units of the patterns: the mean intensity per pixel, and the mean of |P|^2, are 1.
const (
	// gainFloor decides how bright the probe must be for the object behind it to be moved. Anything from a tenth to
	// twice this gave the same reconstructions.
	gainFloor = 0.5
	// farFloor keeps the phase of a dark pixel of the far field, and its gradient, from becoming arbitrary.
	farFloor = 1e-2
)

// Correction moves an object towards one that explains its pattern: the modulus of the far field is replaced by the
// measured one, and what that changes of the exit wave is divided by the probe,
//
//	O + G F^-1 {(d / |F P O| - 1) F P O},   G = P* / (|P|^2 + floor),
//
// ePIE's step for the object (Maiden and Rodenburg, Ultramicroscopy 109, 1256, 2009) with the regularised division of
// rPIE (Maiden, Johnson and Li, Optica 4, 736, 2017), for one pattern alone.
type Correction struct {
	amplitude        *gorgonia.Node // (B, C, N, N), measured
	probe, gain, lit Pair           // (N, N); lit is the far field of the probe
	dft, inverse     Pair           // (N, N), the DFT matrix and its conjugate
}

// NewCorrection prepares corrections by patterns (B, C, N, N) of mean power N^2, with a probe (N, N) of that power and
// the DFT matrix (N, N).
func NewCorrection(amplitude *gorgonia.Node, probe, dft Pair) Correction {
	floored := ops.Affine(Intensity(probe), 1, gainFloor)
	return Correction{
		amplitude: amplitude,
		probe:     probe,
		gain:      Pair{ops.Div(probe.Re, floored), ops.Affine(ops.Div(probe.Im, floored), -1, 0)},
		lit:       Propagate(probe, dft),
		dft:       dft,
		inverse:   Pair{dft.Re, ops.Affine(dft.Im, -1, 0)},
	}
}

// Estimate is the change (B, C, N, N) that an empty object gets, O - 1: a first estimate of the object.
func (k Correction) Estimate() Pair { return k.change(k.lit) }

// Apply corrects an object (B, C, N, N).
func (k Correction) Apply(object Pair) Pair {
	change := k.change(Propagate(ExitWave(k.probe, object), k.dft))
	return Pair{ops.Add(object.Re, change.Re), ops.Add(object.Im, change.Im)}
}

// change is the correction of an object of the given far field.
func (k Correction) change(far Pair) Pair {
	modulus := ops.Sqrt(ops.Affine(Intensity(far), 1, farFloor))
	excess := ops.Affine(ops.Div(k.amplitude, modulus), 1, -1)
	residual := Pair{ops.Mul(excess, far.Re), ops.Mul(excess, far.Im)}
	return ExitWave(k.gain, Propagate(residual, k.inverse))
}
