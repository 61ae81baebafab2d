package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Gaussian is the negative log-likelihood of complex errors that are normally distributed, less a constant:
//
//	sum_j mean_q w_jq [ E l + |e|^2 exp(-l) ]
//
// with the logarithm l of their variance, the mean of |e|^2 with real and imaginary part together, (B, C, N, N).
// squared is |e|^2. expected, E, is the mean of |e|^2 in units of the variance; nil stands for 1. The loss is the
// smallest where exp(l) is |e|^2 / E. The weights are (B, C, N, N), or broadcast to it.
func Gaussian(logVariance, squared, expected, weight *gorgonia.Node) *gorgonia.Node {
	scaled := ops.Mul(squared, ops.Exp(ops.Affine(logVariance, -1, 0)))
	if expected != nil {
		logVariance = ops.Mul(expected, logVariance)
	}
	return weightedMean(ops.Add(logVariance, scaled), weight)
}

// SquaredError is |object - truth|^2 of an object (B, C, N, N) where the truth is known, elsewhere of no meaning.
func SquaredError(object Pair, truth Truth) *gorgonia.Node {
	re := ops.Sub(object.Re, ops.Mul(truth.Amplitude, truth.Phase.Re))
	im := ops.Sub(object.Im, ops.Mul(truth.Amplitude, truth.Phase.Im))
	return addSquares(re, im)
}
