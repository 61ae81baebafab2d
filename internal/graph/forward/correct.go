package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Floors of a correction, in the units of the patterns: the mean intensity per pixel, and the mean of |P|^2, are 1.
const (
	// gainFloor decides how bright the probe must be for the object behind it to be moved. Anything from a tenth to twice this
	// gave the same reconstructions.
	gainFloor = 0.5
	// farFloor keeps the phase of a dark pixel of the far field, and its gradient, from becoming arbitrary.
	farFloor = 1e-2
)

// Correction moves an object towards one that explains its pattern: the modulus of the far field is replaced by the measured one,
// and what that changes of the exit wave is divided by the probe,
//
//	O + G F^-1 {(d / |F P O| - 1) F P O},   G = P* / (|P|^2 + floor),
//
// ePIE's step for the object (Maiden and Rodenburg, Ultramicroscopy 109, 1256, 2009) with the regularised division of rPIE (Maiden,
// Johnson and Li, Optica 4, 736, 2017), for one pattern alone.
type Correction struct {
	amplitude        *gorgonia.Node // (B, C, N, N), measured
	probe, gain, lit Pair           // (N, N); lit is the far field of the probe
	dft, inverse     Pair           // (N, N), the DFT matrix and its conjugate
}

// NewCorrection prepares corrections by patterns (B, C, N, N) of mean power N^2, with a probe (N, N) of that power and the DFT
// matrix (N, N).
func NewCorrection(amplitude *gorgonia.Node, probe, dft Pair) (Correction, error) {
	var c calc
	intensity, err := Intensity(probe)
	if err != nil {
		return Correction{}, err
	}
	floored := c.affine(intensity, 1, gainFloor)
	gain := Pair{c.bin(ops.Div, probe.Re, floored), c.affine(c.bin(ops.Div, probe.Im, floored), -1, 0)}
	inverse := Pair{dft.Re, c.affine(dft.Im, -1, 0)}
	if c.err != nil {
		return Correction{}, c.err
	}
	lit, err := Propagate(probe, dft)
	return Correction{amplitude: amplitude, probe: probe, gain: gain, lit: lit, dft: dft, inverse: inverse}, err
}

// Estimate is the change (B, C, N, N) that an empty object gets, O - 1: a first estimate of the object.
func (k Correction) Estimate() (Pair, error) { return k.change(k.lit) }

// Apply corrects an object (B, C, N, N).
func (k Correction) Apply(object Pair) (Pair, error) {
	exit, err := ExitWave(k.probe, object)
	if err != nil {
		return Pair{}, err
	}
	far, err := Propagate(exit, k.dft)
	if err != nil {
		return Pair{}, err
	}
	change, err := k.change(far)
	if err != nil {
		return Pair{}, err
	}
	var c calc
	return c.pair(c.add(object.Re, change.Re), c.add(object.Im, change.Im))
}

// change is what an object of the given far field gets.
func (k Correction) change(far Pair) (Pair, error) {
	intensity, err := Intensity(far)
	if err != nil {
		return Pair{}, err
	}
	var c calc
	modulus := c.un(ops.Sqrt, c.affine(intensity, 1, farFloor))
	excess := c.affine(c.bin(ops.Div, k.amplitude, modulus), 1, -1)
	lacking, err := c.pair(c.mul(excess, far.Re), c.mul(excess, far.Im))
	if err != nil {
		return Pair{}, err
	}
	back, err := Propagate(lacking, k.inverse)
	if err != nil {
		return Pair{}, err
	}
	return ExitWave(k.gain, back)
}
