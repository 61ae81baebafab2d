package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// PhaseFloor rounds the distance of two phase factors off below this, where its gradient would jump.
const PhaseFloor = 1e-3

// Truth is what patches really are, (B, C, N, N) each.
type Truth struct {
	Amplitude *gorgonia.Node
	Phase     Pair           // exp(i phase); 0 where the amplitude is 0
	Share     *gorgonia.Node // of each pixel in the error of its patch; 0 where the truth is not known
}

// TruthMAE is the mean absolute error of predicted amplitudes and phases (B, C, N, N), to equal parts:
//
//	sum_j w_j sum_q share_jq ( |a - A| + sqrt(|exp(i p) - exp(i P)|^2 + floor^2) - floor )
//
// with weights w (B, C, 1, 1) that sum to 1. Phase factors are compared, not phases, so -pi and pi are the same, and where
// the truth is black the phase is free.
func TruthMAE(amplitude, phase *gorgonia.Node, truth Truth, weight *gorgonia.Node) (*gorgonia.Node, error) {
	var c calc
	re, im := c.sub(c.un(ops.Cos, phase), truth.Phase.Re), c.sub(c.un(ops.Sin, phase), truth.Phase.Im)
	chord := c.un(ops.Sqrt, c.affine(c.add(c.mul(re, re), c.mul(im, im)), 1, PhaseFloor*PhaseFloor))
	apart := c.add(c.un(ops.Abs, c.sub(amplitude, truth.Amplitude)), c.affine(chord, 1, -PhaseFloor))
	return c.result(c.un(ops.Sum, c.mul(c.mul(apart, truth.Share), weight)))
}
