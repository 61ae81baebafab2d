package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Polar is the amplitude and the phase, in [-pi, pi], of an object (B, C, N, N). ONNX has no arc tangent of two arguments; the
// tangent of half the angle, im / (|O| + re), knows all quadrants. Where re < 0 its denominator would cancel, so it is written as
// |O| + re = im^2 / (|O| + |re|) + 2 max(re, 0).
func Polar(object Pair) (amplitude, phase *gorgonia.Node, err error) {
	const tiny = 1e-12 // keeps divisions and gradients at 0 finite; adds 1e-6 to an amplitude of 0
	var c calc
	intensity, err := Intensity(object)
	if err != nil {
		return nil, nil, err
	}
	amplitude = c.un(ops.Sqrt, c.affine(intensity, 1, tiny))
	rest := c.bin(ops.Div, c.mul(object.Im, object.Im), c.add(amplitude, c.un(ops.Abs, object.Re)))
	denominator := c.add(c.affine(rest, 1, tiny), c.affine(c.un(ops.ReLU, object.Re), 2, 0))
	half := c.un(ops.Atan, c.bin(ops.Div, object.Im, denominator))
	return amplitude, c.affine(half, 2, 0), c.err
}
