package solve

import (
	"cmp"
	"slices"
)

// Halves divides the patterns of a problem into two problems that cover the same area, each with every second pattern.
// Both start as p does. The patterns are taken in turns along a Hilbert curve through the positions, so that neighbours
// part whatever the order of the scan was. On a raster of 2^k x 2^k positions, the halves are the colours of a
// chessboard.
func Halves(p Problem) (a, b Problem) {
	order := alongCurve(p.X, p.Y)
	var ids [2][]int
	for i, id := range order {
		ids[i%2] = append(ids[i%2], id)
	}
	slices.Sort(ids[0])
	slices.Sort(ids[1])
	return p.Selected(ids[0]), p.Selected(ids[1])
}

// Selected is the problem with some of its patterns, in the order of ids.
func (p Problem) Selected(ids []int) Problem {
	out := p
	out.Patterns, out.X, out.Y = chosen{p.Patterns, ids}, nil, nil
	for _, id := range ids {
		out.X, out.Y = append(out.X, p.X[id]), append(out.Y, p.Y[id])
	}
	return out
}

// curveOrder is the number of halvings of the area's side that the Hilbert curve resolves.
const curveOrder = 16

// alongCurve lists the positions along a Hilbert curve that fills their square.
func alongCurve(x, y []float64) []int {
	left, top := slices.Min(x), slices.Min(y)
	const last = 1<<curveOrder - 1
	scale := last / max(slices.Max(x)-left, slices.Max(y)-top, 1)
	places := make([]int, len(x))
	for i := range x {
		places[i] = hilbert(int((x[i]-left)*scale), int((y[i]-top)*scale))
	}
	order := upTo(len(x))
	slices.SortFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(places[i], places[j]), cmp.Compare(i, j))
	})
	return order
}

// hilbert is the place of a cell along the Hilbert curve through 2^16 x 2^16 cells (Hilbert, Math. Ann. 38, 459, 1891).
func hilbert(x, y int) (place int) {
	for side := 1 << (curveOrder - 1); side > 0; side /= 2 {
		right, lower := x&side != 0, y&side != 0
		switch {
		case right && lower:
			place += 2 * side * side
		case right:
			place += 3 * side * side
		case lower:
			place += side * side
		}
		if lower {
			continue
		}
		if right {
			x, y = ^x, ^y // the low bits run the other way
		}
		x, y = y, x
	}
	return place
}
