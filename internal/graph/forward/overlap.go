package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Canvas averages the patches of a group of overlapping patterns: 0/1 matrices place each patch j of N x N pixels on a
// canvas of K x K, at whole pixels.
type Canvas struct {
	Group  int            // patterns per group, C; a batch is G groups one after the other
	Weight *gorgonia.Node // (N, N), positive: the probe's intensity
	PlaceY *gorgonia.Node // (G*C, 1, N, K), PlaceY[j, 0, r, r + offset_y] = 1
	PlaceX *gorgonia.Node // (G*C, 1, N, K)
}

// overlapFloor keeps the division finite outside of all patches.
const overlapFloor = 1e-6

// Merge makes the patches (G*C, 1, N, N) of each group agree: it averages them on the group's canvas with the probe's
// weights and cuts them out again. Structure of the probe that leaks into one patch is contradicted by its neighbours.
// Nothing is interpolated.
func (v Canvas) Merge(patches Pair) Pair {
	toRows := ops.TransposeLast(v.PlaceY) // (G*C, 1, K, N)
	toCols := ops.TransposeLast(v.PlaceX)
	place := func(x *gorgonia.Node) *gorgonia.Node { // summed over each group: (G, 1, K, K)
		return v.sum(ops.MatMul(ops.MatMul(toRows, x), v.PlaceX))
	}
	total := ops.Affine(place(v.Weight), 1, overlapFloor)
	merge := func(x *gorgonia.Node) *gorgonia.Node { // (G*C, 1, N, N)
		mean := v.spread(ops.Div(place(ops.Mul(x, v.Weight)), total))
		return ops.MatMul(ops.MatMul(v.PlaceY, mean), toCols)
	}
	return Pair{merge(patches.Re), merge(patches.Im)}
}

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
