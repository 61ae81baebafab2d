package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Floors of a move, in the unit in which the probe's intensity and that of an empty object's pattern have mean 1.
const (
	// lightFloor is the intensity of the probe at which Light is 1/2.
	lightFloor = 0.5
	// farFloor keeps the phase of a dark pixel of the far field, and its gradient, from becoming arbitrary.
	farFloor = 1e-2
)

// A wave or an object that a network computes with is one array (B, 2, N, N), real and imaginary part.

// Stacked is a pair (B, 1, N, N) as one array.
func Stacked(x Pair) *gorgonia.Node { return ops.Concat(x.Re, x.Im) }

// Unstacked is the inverse of Stacked.
func Unstacked(x *gorgonia.Node) Pair { return Pair{ops.Channels(x, 0, 1), ops.Channels(x, 1, 2)} }

// Consistency moves objects towards ones that explain their patterns: the modulus of the far field is replaced by the
// measured one, and the change of the exit wave is divided by the probe,
//
//	step * P* / (|P|^2 + floor) F^-1 {(d / |F P O| - 1) F P O},
//
// ePIE's step for the object (Maiden and Rodenburg, Ultramicroscopy 109, 1256, 2009) with the regularised division of
// rPIE (Maiden, Johnson and Li, Optica 4, 736, 2017), for one pattern alone.
type Consistency struct {
	amplitude *gorgonia.Node // (B, 1, N, N), measured, rows and columns exchanged as Fourier does
	probe     Pair           // (B or 1, 1, N, N)
	far       *gorgonia.Node // (B or 1, 2, N, N), the probe's far field
	light     *gorgonia.Node // (B or 1, 1, N, N), the probe's intensity
	division  Pair           // (B or 1, 1, N, N), P* / (|P|^2 + floor)
}

// NewConsistency prepares moves by patterns (B, 1, N, N) with probes (B or 1, 1, N, N). Both are in units in which the
// probe's intensity has mean 1. The floor is a positive number (1).
func NewConsistency(amplitude *gorgonia.Node, probe Pair, floor *gorgonia.Node) Consistency {
	k := Consistency{
		amplitude: ops.TransposeLast(amplitude), probe: probe, far: ops.Fourier(Stacked(probe)),
		light: Intensity(probe),
	}
	floored := ops.Add(k.light, floor)
	k.division = Pair{ops.Div(probe.Re, floored), ops.Affine(ops.Div(probe.Im, floored), -1, 0)}
	return k
}

// Light is |P|^2 / (|P|^2 + 1/2): how well the pattern determines each pixel.
func (k Consistency) Light() *gorgonia.Node {
	return ops.Div(k.light, ops.Affine(k.light, 1, lightFloor))
}

// Change is the move (B, 2, N, N) of an object 1 + excess (B, 2, N, N); nil stands for an empty object, an excess of 0.
// step is a positive number (1). The far field of the empty object is added after the transform, where it is the same
// for all moves.
func (k Consistency) Change(excess, step *gorgonia.Node) *gorgonia.Node {
	far := k.far
	if excess != nil {
		far = ops.Add(ops.Fourier(Stacked(ExitWave(k.probe, Unstacked(excess)))), far)
	}
	modulus := ops.Sqrt(ops.Affine(sumOfParts(ops.Mul(far, far)), 1, farFloor))
	lacking := ops.Mul(ops.Affine(ops.Div(k.amplitude, modulus), 1, -1), step)
	back := Unstacked(ops.InverseFourier(ops.Mul(far, lacking)))
	return Stacked(ExitWave(k.division, back))
}

// sumOfParts adds the two channels of x (B, 2, N, N): (B, 1, N, N).
func sumOfParts(x *gorgonia.Node) *gorgonia.Node {
	s := x.Shape()
	return ops.SumTo(x, []int{s[0], 1, s[2], s[3]})
}

// Normalised divides a measured amplitude (B, 1, N, N) and a probe (B or 1, 1, N, N) of the same unit by the root of
// the probe's mean intensity: an empty object then has a pattern of mean intensity 1, whatever the unit.
func Normalised(amplitude *gorgonia.Node, probe Pair) (*gorgonia.Node, Pair) {
	const tiny = 1e-20 // keeps a probe of zeros finite
	s := probe.Re.Shape()
	sum := ops.SumTo(Intensity(probe), []int{s[0], 1, 1, 1})
	root := ops.Sqrt(ops.Affine(sum, 1/float32(s[2]*s[3]), tiny))
	return ops.Div(amplitude, root), Pair{ops.Div(probe.Re, root), ops.Div(probe.Im, root)}
}
