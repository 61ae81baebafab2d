package place

import (
	"math"
	"slices"
)

const (
	tie       = 1e-3 // weight of a position as it was, in units of the mean weight of an edge
	narrowing = 0.7  // of the tolerance from one solution to the next
)

// solve moves the positions to those that explain the edges best. An edge that is off by more than a tolerance hardly
// counts (Geman and McClure, Bull. Int. Stat. Inst. 52, 5, 1987). The tolerance falls from wide to narrow, so that
// wrong edges drop out one after the other.
func solve(x, y []float64, edges []edge, wide, narrow float64) {
	if len(edges) == 0 {
		return
	}
	x0, y0 := slices.Clone(x), slices.Clone(y)
	weights, mean := make([]float64, len(edges)), 0.0
	for _, e := range edges {
		mean += e.gain / float64(len(edges))
	}
	for tolerance := wide; ; tolerance = max(narrow, narrowing*tolerance) {
		for i, e := range edges {
			off := math.Hypot(y[e.b]-y[e.a]-e.dy, x[e.b]-x[e.a]-e.dx) / tolerance
			weights[i] = e.gain / ((1 + off*off) * (1 + off*off))
		}
		relax(x, x0, edges, weights, tie*mean, func(e edge) float64 { return e.dx })
		relax(y, y0, edges, weights, tie*mean, func(e edge) float64 { return e.dy })
		if tolerance == narrow {
			return
		}
	}
}

// relax minimises sum w (v_b - v_a - shift)^2 + tie sum (v - v0)^2 by conjugate gradients.
func relax(v, v0 []float64, edges []edge, weights []float64, tie float64, shift func(edge) float64) {
	apply := func(u, out []float64) {
		for i := range out {
			out[i] = tie * u[i]
		}
		for i, e := range edges {
			d := weights[i] * (u[e.b] - u[e.a])
			out[e.b] += d
			out[e.a] -= d
		}
	}
	n := len(v)
	residual, product := make([]float64, n), make([]float64, n)
	apply(v, product)
	for i := range residual {
		residual[i] = tie*v0[i] - product[i]
	}
	for i, e := range edges {
		d := weights[i] * shift(e)
		residual[e.b] += d
		residual[e.a] -= d
	}
	direction, norm := slices.Clone(residual), dot(residual, residual)
	first := norm
	for range 10*n + 100 {
		if !(norm > 1e-16*first) {
			return
		}
		apply(direction, product)
		step := norm / dot(direction, product)
		for i, d := range direction {
			v[i] += step * d
			residual[i] -= step * product[i]
		}
		before := norm
		norm = dot(residual, residual)
		for i := range direction {
			direction[i] = residual[i] + norm/before*direction[i]
		}
	}
}

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}
