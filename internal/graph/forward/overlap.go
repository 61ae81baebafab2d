package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// Canvas is where the patches of a group of overlapping patterns meet: every patch j of N x N pixels is placed on a K x K
// canvas at whole pixels by 0/1 matrices.
type Canvas struct {
	Group  int            // patterns per group, C; a batch holds G groups one after the other
	Weight *gorgonia.Node // (N, N), positive: the probe's intensity, the share of photons that saw each pixel of a patch
	PlaceY *gorgonia.Node // (G*C, 1, N, K), PlaceY[j, 0, r, r + offset_y] = 1
	PlaceX *gorgonia.Node // (G*C, 1, N, K)
}

// overlapFloor keeps the division finite where no patch lies; nothing is read from there.
const overlapFloor = 1e-6

// Merge makes the patches (G*C, 1, N, N) of each group agree: they are averaged on the group's canvas with the probe's
// weights and cut out again. Overlap is what separates probe from object, so structure of the probe that leaks into one
// patch is contradicted by its neighbours. Patches lie at whole pixels, so nothing is interpolated.
func (v Canvas) Merge(patches Pair) (Pair, error) {
	var c calc
	toRows := c.un(ops.TransposeLast, v.PlaceY) // (G*C, 1, K, N)
	toCols := c.un(ops.TransposeLast, v.PlaceX)
	place := func(x *gorgonia.Node) *gorgonia.Node { // summed over each group: (G, 1, K, K)
		return v.sum(&c, c.matmul(c.matmul(toRows, x), v.PlaceX))
	}
	total := c.affine(place(v.Weight), 1, overlapFloor)
	merge := func(x *gorgonia.Node) *gorgonia.Node { // (G*C, 1, N, N)
		mean := v.spread(&c, c.bin(ops.Div, place(c.mul(x, v.Weight)), total))
		return c.matmul(c.matmul(v.PlaceY, mean), toCols)
	}
	return c.pair(merge(patches.Re), merge(patches.Im))
}

// sum adds the canvases of each group: (G*C, 1, K, K) -> (G, 1, K, K).
func (v Canvas) sum(c *calc, x *gorgonia.Node) *gorgonia.Node {
	if c.err != nil {
		return nil
	}
	k, groups := x.Shape()[3], x.Shape()[0]/v.Group
	grouped := c.reshape(x, groups, v.Group, k, k)
	return c.un(func(x *gorgonia.Node) (*gorgonia.Node, error) { return ops.SumTo(x, []int{groups, 1, k, k}) }, grouped)
}

// spread gives every patch of a group its canvas: (G, 1, K, K) -> (G*C, 1, K, K).
func (v Canvas) spread(c *calc, x *gorgonia.Node) *gorgonia.Node {
	if c.err != nil {
		return nil
	}
	k, groups := x.Shape()[3], x.Shape()[0]
	all := c.un(func(x *gorgonia.Node) (*gorgonia.Node, error) {
		return ops.BroadcastTo(x, []int{groups, v.Group, k, k})
	}, x)
	return c.reshape(all, groups*v.Group, 1, k, k)
}

func (c *calc) reshape(x *gorgonia.Node, shape ...int) *gorgonia.Node {
	return c.un(func(x *gorgonia.Node) (*gorgonia.Node, error) { return ops.Reshape(x, shape...) }, x)
}
