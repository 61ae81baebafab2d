package forward

import "ptyx/internal/graph/ops"

// Modulus is the amplitude |O| and the phase factor O/|O| of an object (B, C, N, N). The factor of a dark pixel is 0.
func Modulus(object Pair) (amplitude *ops.Node, factor Pair) {
	const tiny = 1e-12 // keeps the division and gradients at 0 finite; adds 1e-6 to an amplitude of 0
	amplitude = ops.Sqrt(ops.Affine(Intensity(object), 1, tiny))
	return amplitude, Pair{ops.Div(object.Re, amplitude), ops.Div(object.Im, amplitude)}
}
