package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Polar is the amplitude and the phase, in [-pi, pi], of an object (B, C, N, N). ONNX has no arc tangent of two
// arguments; the tangent of half the angle, im / (|O| + re), knows all quadrants. Where re < 0 its denominator would
// cancel, so it is written as |O| + re = im^2 / (|O| + |re|) + 2 max(re, 0).
func Polar(object Pair) (amplitude, phase *gorgonia.Node) {
	const tiny = 1e-12 // keeps divisions and gradients at 0 finite; adds 1e-6 to an amplitude of 0
	amplitude = ops.Sqrt(ops.Affine(Intensity(object), 1, tiny))
	quotient := ops.Div(square(object.Im), ops.Add(amplitude, ops.Abs(object.Re)))
	denominator := ops.Add(ops.Affine(quotient, 1, tiny), ops.Affine(ops.ReLU(object.Re), 2, 0))
	return amplitude, ops.Affine(ops.Atan(ops.Div(object.Im, denominator)), 2, 0)
}
