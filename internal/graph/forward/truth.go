package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// PhaseFloor rounds the distance of two phase factors off below this, where its gradient would jump.
const PhaseFloor = 1e-3

// Truth is the known object behind patterns, (B, C, N, N) each.
type Truth struct {
	Amplitude *gorgonia.Node
	Phase     Pair           // exp(i phase); 0 where the amplitude is 0
	Share     *gorgonia.Node // of each pixel in the error of its patch; 0 where the truth is not known
}

// TruthMAE is the mean absolute error of predicted amplitudes a and phase factors exp(i p), (B, C, N, N), to equal
// parts:
//
//	sum_j w_j sum_q share_jq ( |a - A| + sqrt(|exp(i p) - exp(i P)|^2 + floor^2) - floor )
//
// with weights w (B, C, 1, 1) that sum to 1. Phase factors are compared, not phases, so -pi and pi are the same, and
// where the truth is black the phase is free.
func TruthMAE(amplitude *gorgonia.Node, factor Pair, truth Truth, weight *gorgonia.Node) *gorgonia.Node {
	re, im := ops.Sub(factor.Re, truth.Phase.Re), ops.Sub(factor.Im, truth.Phase.Im)
	chord := ops.Sqrt(ops.Affine(addSquares(re, im), 1, PhaseFloor*PhaseFloor))
	distance := ops.Add(ops.Abs(ops.Sub(amplitude, truth.Amplitude)), ops.Affine(chord, 1, -PhaseFloor))
	return ops.Sum(ops.Mul(ops.Mul(distance, truth.Share), weight))
}
