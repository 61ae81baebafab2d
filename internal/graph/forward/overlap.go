package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Canvas averages the patches of a group of overlapping patterns: 0/1 matrices place each patch j of N x N pixels on a
// canvas of K x K, at whole pixels.
type Canvas struct {
	Group  int            // patterns per group, C; a batch is G groups one after the other
	Weight *gorgonia.Node // (N, N), or (G*C, 1, N, N) for each patch; not negative, from the probe's intensity
	PlaceY *gorgonia.Node // (G*C, 1, N, K), PlaceY[j, 0, r, r + offset_y] = 1
	PlaceX *gorgonia.Node // (G*C, 1, N, K)
}

// overlapFloor keeps the division finite outside of all patches.
const overlapFloor = 1e-6

// Merge makes the patches (G*C, 1, N, N) of each group agree: it averages them on the group's canvas with the probe's
// weights and cuts them out again. Structure of the probe that leaks into one patch is contradicted by its neighbours.
// Nothing is interpolated.
func (v Canvas) Merge(patches Pair) Pair {
	total := v.total()
	merge := func(x *gorgonia.Node) *gorgonia.Node { // (G*C, 1, N, N)
		return v.cut(ops.Div(v.place(ops.Mul(x, v.Weight)), total))
	}
	return Pair{merge(patches.Re), merge(patches.Im)}
}

// Agree turns each patch (G*C, 1, N, N) to the phase of what Merge makes of its group, so many times. A pattern does
// not determine this phase, and ptyx finds it again before it stitches a scan (package reconstruct).
func (v Canvas) Agree(patches Pair, rounds int) Pair {
	for range rounds {
		patches = Aligned(patches, v.Merge(patches), v.Weight, 1)
	}
	return patches
}

// Disagreement is |patch - merged|^2 of the patches (G*C, 1, N, N) and what Merge made of them, and its expected value
// for patches whose errors are independent and of variance 1:
//
//	(1 - s)^2 + sum over the others of s_k^2 = 1 - 2 s + sum over all of s_k^2
//
// where s is the share of the patch in the mean of a pixel, s_k that of patch k. It is 0 under a single patch.
func (v Canvas) Disagreement(patches, merged Pair) (squared, expected *gorgonia.Node) {
	squared = addSquares(ops.Sub(patches.Re, merged.Re), ops.Sub(patches.Im, merged.Im))
	total := v.total()
	share := ops.Div(v.Weight, v.cut(total))
	shares := v.cut(ops.Div(v.place(ops.Mul(v.Weight, v.Weight)), ops.Mul(total, total)))
	return squared, ops.Add(ops.Affine(share, -2, 1), shares)
}

// place puts patches, or one for all, on the canvas of each group and adds them: (G*C, 1, N, N) -> (G, 1, K, K).
func (v Canvas) place(x *gorgonia.Node) *gorgonia.Node {
	toRows := ops.TransposeLast(v.PlaceY) // (G*C, 1, K, N)
	return v.sum(ops.MatMul(ops.MatMul(toRows, x), v.PlaceX))
}

// cut cuts the patches out of the canvases: (G, 1, K, K) -> (G*C, 1, N, N).
func (v Canvas) cut(x *gorgonia.Node) *gorgonia.Node {
	return ops.MatMul(ops.MatMul(v.PlaceY, v.spread(x)), ops.TransposeLast(v.PlaceX))
}

// total is the sum of the weights, (G, 1, K, K).
func (v Canvas) total() *gorgonia.Node { return ops.Affine(v.place(v.Weight), 1, overlapFloor) }

// sum adds the canvases of each group: (G*C, 1, K, K) -> (G, 1, K, K).
func (v Canvas) sum(x *gorgonia.Node) *gorgonia.Node {
	k, groups := x.Shape()[3], x.Shape()[0]/v.Group
	return ops.SumTo(ops.Reshape(x, groups, v.Group, k, k), []int{groups, 1, k, k})
}

// spread gives every patch of a group its canvas: (G, 1, K, K) -> (G*C, 1, K, K).
func (v Canvas) spread(x *gorgonia.Node) *gorgonia.Node {
	k, groups := x.Shape()[3], x.Shape()[0]
	return ops.Reshape(ops.BroadcastTo(x, []int{groups, v.Group, k, k}), groups*v.Group, 1, k, k)
}
