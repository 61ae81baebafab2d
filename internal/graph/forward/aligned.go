package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Aligned turns the phase of each object (B, 1, N, N) by one angle, with which it comes closest to the truth: that of
// s = sum_q share_q conj(O_q) T_q. A pattern does not determine it.
func Aligned(object, truth Pair, share *gorgonia.Node) Pair {
	const tiny = 1e-12 // keeps an object that has nothing in common with the truth finite
	shape := object.Re.Shape()
	total := func(x *gorgonia.Node) *gorgonia.Node {
		return ops.SumTo(ops.Mul(x, share), []int{shape[0], 1, 1, 1})
	}
	re := total(ops.Add(ops.Mul(object.Re, truth.Re), ops.Mul(object.Im, truth.Im)))
	im := total(ops.Sub(ops.Mul(object.Re, truth.Im), ops.Mul(object.Im, truth.Re)))
	size := ops.Sqrt(ops.Affine(addSquares(re, im), 1, tiny))
	// The best angle is where the distance has no slope in it: the gradient through it is zero.
	turn := Pair{ops.Detached(ops.Div(re, size)), ops.Detached(ops.Div(im, size))}
	return ExitWave(turn, object)
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
