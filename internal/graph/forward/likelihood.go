package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Poisson is the negative log-likelihood of Poisson counts, less its smallest possible value, in nats per photon:
//
//	sum_j w_j mean_q [ I - Y - (Y+eps) log((I+eps) / (Y+eps)) ]
//
// with the modelled I and measured Y (B, C, N, N) in units of the mean intensity. The weights w are (B, C, 1, 1), which
// sum to about 1, or (B, C, N, N), which weight pixels, too. It is the likelihood of counts over a background of eps:
// dark pixels then do not outweigh the others. A perfect fit gives 0.
func Poisson(intensity, measured, weight *gorgonia.Node, eps float32) *gorgonia.Node {
	floored := ops.Affine(measured, 1, eps)
	ratio := ops.Sub(ops.Log(ops.Affine(intensity, 1, eps)), ops.Log(floored))
	return weightedMean(ops.Sub(ops.Sub(intensity, measured), ops.Mul(floored, ratio)), weight)
}

// AmplitudeMAE is the mean absolute error of the amplitudes, sum_j w_j mean_q | sqrt(I+eps) - sqrt(Y+eps) |.
func AmplitudeMAE(intensity, measured, weight *gorgonia.Node, eps float32) *gorgonia.Node {
	diff := ops.Sub(ops.Sqrt(ops.Affine(intensity, 1, eps)), ops.Sqrt(ops.Affine(measured, 1, eps)))
	return weightedMean(ops.Abs(diff), weight)
}

// AmplitudeSquares are (sqrt(I+eps) - d)^2 of each pixel, with the modelled intensity I and measured amplitudes d of
// equal shape. Counts of Poisson's statistics have square roots of one variance, 1/4, whatever their mean: the sum is
// their likelihood where there are more than a few. eps keeps the slope at a dark pixel finite.
func AmplitudeSquares(intensity, amplitude *gorgonia.Node, eps float32) *gorgonia.Node {
	return square(ops.Sub(ops.Sqrt(ops.Affine(intensity, 1, eps)), amplitude))
}

// weightedMean is sum_j mean_q w_j x[j,q] for x (B, C, N, N) and w (B, C, 1, 1), or w of x's own shape.
func weightedMean(x, weight *gorgonia.Node) *gorgonia.Node {
	pixels := x.Shape()[2] * x.Shape()[3]
	return ops.Affine(ops.Sum(ops.Mul(x, weight)), 1/float32(pixels), 0)
}
