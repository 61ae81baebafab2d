package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Aligned turns the phase of each group of objects (G*C, 1, N, N) by one angle, with which the group comes closest to
// the truth: that of s = sum_q share_q conj(O_q) T_q over all pixels q of the group's C objects. Patterns do not
// determine it.
func Aligned(object, truth Pair, share *gorgonia.Node, group int) Pair {
	const tiny = 1e-12 // keeps an object that has nothing in common with the truth finite
	count := object.Re.Shape()[0]
	total := func(x *gorgonia.Node) *gorgonia.Node { // (G*C, 1, 1, 1), the same for all of a group
		each := ops.SumTo(ops.Mul(x, share), []int{count, 1, 1, 1})
		groups := ops.SumTo(ops.Reshape(each, count/group, group, 1, 1), []int{count / group, 1, 1, 1})
		return ops.Reshape(ops.BroadcastTo(groups, []int{count / group, group, 1, 1}), count, 1, 1, 1)
	}
	re := total(ops.Add(ops.Mul(object.Re, truth.Re), ops.Mul(object.Im, truth.Im)))
	im := total(ops.Sub(ops.Mul(object.Re, truth.Im), ops.Mul(object.Im, truth.Re)))
	size := ops.Sqrt(ops.Affine(addSquares(re, im), 1, tiny))
	return ExitWave(Pair{ops.Div(re, size), ops.Div(im, size)}, object)
}

// Distance is |O - T|^2 of each pixel.
func Distance(object, truth Pair) *gorgonia.Node {
	return addSquares(ops.Sub(object.Re, truth.Re), ops.Sub(object.Im, truth.Im))
}

// LogError is the logarithm of the root of squared errors e (B, 1, N, N), summed over pixels,
//
//	sum_j w_j log(floor + sqrt(sum_q share_jq e_jq))
//
// with weights w (B, 1, 1, 1) that sum to 1. A patch that noise spoils counts as much as one that can be exact: what
// matters is by which factor its error falls. The floor is the error below which that ends.
func LogError(squares, share, weight *gorgonia.Node, floor float32) *gorgonia.Node {
	const tiny = 1e-8 // rounds the root off at 1e-4, where its slope would be infinite
	sum := ops.SumTo(ops.Mul(squares, share), weight.Shape())
	root := ops.Sqrt(ops.Affine(sum, 1, tiny))
	return ops.Sum(ops.Mul(ops.Log(ops.Affine(root, 1, floor)), weight))
}

// Pattern is the intensity (B, 1, N, N) of objects behind probes, rows and columns exchanged as Fourier does: the same
// as Diffract by half of the products.
func Pattern(probe, object Pair) *gorgonia.Node {
	far := ops.Fourier(Stacked(ExitWave(probe, object)))
	return sumOfParts(ops.Mul(far, far))
}
