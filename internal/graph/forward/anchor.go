package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Anchor is the squared distance of objects from others (B, 1, N, N) where the light of their probes is weak,
//
//	sum_j w_j mean_q u_jq |O_jq - exp(i a_j) A_jq|^2,  u = half / (|P|^2 + half)
//
// with weights w (B, 1, 1, 1) and the probes' intensity |P|^2, (B or 1, 1, N, N), in a unit in which its mean is 1.
// a is the angle that brings the other object closest there: a pattern does not determine it. half is the intensity at
// which a pixel counts a half, u = 1/2.
func Anchor(object, other Pair, light, weight *gorgonia.Node, half float32) *gorgonia.Node {
	share := ops.Div(ops.Affine(light, 0, half), ops.Affine(light, 1, half))
	turned := Aligned(other, object, share, 1)
	return weightedMean(ops.Mul(Distance(object, turned), share), weight)
}
