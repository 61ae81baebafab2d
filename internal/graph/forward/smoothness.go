package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// VariationFloor rounds the total variation off below this step of the transmission, where its gradient would jump.
const VariationFloor = 1e-3

// Variation is the total variation of the object patches (B, C, N, N), weighted by the light that falls on each pixel
// (Rudin, Osher and Fatemi, Physica D 60, 259, 1992, for complex values):
//
//	sum_j w_j mean_q lit_q [ sqrt(|O[r+1,c] - O[r,c]|^2 + |O[r,c+1] - O[r,c]|^2 + floor^2) - floor ]
//
// with weights w (B, C, 1, 1) that sum to 1 and lit (N, N) or (B, C, N, N) of mean 1 over each patch. Steps over the
// last row and column count as 0. A global phase changes nothing. difference (N, N) is physics.DifferenceMatrix.
func Variation(object Pair, difference, lit, weight *gorgonia.Node) *gorgonia.Node {
	across := ops.TransposeLast(difference)
	steps := func(x *gorgonia.Node) *gorgonia.Node { // squared
		return addSquares(ops.MatMul(difference, x), ops.MatMul(x, across))
	}
	length := ops.Sqrt(ops.Affine(ops.Add(steps(object.Re), steps(object.Im)), 1, VariationFloor*VariationFloor))
	return weightedMean(ops.Mul(ops.Affine(length, 1, -VariationFloor), lit), weight)
}

// Total is the sum of terms, each times its factor; at least one. A factor of 1 costs nothing.
func Total(terms []*gorgonia.Node, factors []float64) *gorgonia.Node {
	var total *gorgonia.Node
	for i, term := range terms {
		if factors[i] != 1 {
			term = ops.Affine(term, float32(factors[i]), 0)
		}
		if total == nil {
			total = term
		} else {
			total = ops.Add(total, term)
		}
	}
	return total
}
