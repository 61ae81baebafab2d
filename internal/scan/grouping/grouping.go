// Package grouping chooses the patterns of a scan that are handled together. A group is a list of pattern numbers; a
// sample of a training or of an inference is one group, of Gridsize^2 overlapping patterns.
//
// It is the stage behind package dataset, whose positions, in object pixels, it reads. Of makes a scan's groups, Within
// those of a part of it, such as one that Split cuts off; Overlapping and Sample choose among groups. All draws depend
// on their seed alone.
package grouping

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"ptyx/internal/base/stream"
	"ptyx/internal/scan/dataset"
)

// Options say how positions become groups.
type Options struct {
	Gridsize   int    // a group is Gridsize^2 patterns
	Neighbours int    // nearest neighbours that a group draws from; 0: DefaultNeighbours
	Oversample int    // different groups for each position; 0: one
	Seed       uint64 // of the draw
	Scan       int    // number of the scan: scans draw different numbers under one seed
}

// DefaultNeighbours is PtychoPINN's 4 for gridsize 2, and likewise gridsize squared for others: one more than is
// needed, so that groups differ.
func DefaultNeighbours(gridsize int) int { return gridsize * gridsize }

// Of makes groups for each position of a scan: its pattern and others drawn from its nearest neighbours. With
// Oversample the groups of a position differ. First come all positions' first groups, the same as without it, then the
// second ones. The order in a group is roughly row-major (top-left, top-right, bottom-left, ... for gridsize 2), which
// is how PtychoPINN numbers channels. Options that the scan is too small for are a *badinput.Error.
func Of(s *dataset.Scan, o Options) ([][]int, error) {
	return Within(s, slices.Concat(Singles(s.M)...), o)
}

// Within makes groups as Of does, of the given patterns alone: no group holds another pattern of the scan.
func Within(s *dataset.Scan, ids []int, o Options) ([][]int, error) {
	if o.Gridsize == 1 && o.Oversample <= 1 && len(ids) > 0 {
		return slices.Collect(slices.Chunk(slices.Clone(ids), 1)), nil
	}
	others, times, count := o.Gridsize*o.Gridsize-1, max(1, o.Oversample), len(ids)
	neighbours := min(cmp.Or(o.Neighbours, DefaultNeighbours(o.Gridsize)), count-1)
	most := choices(neighbours, others, times)
	switch {
	case o.Gridsize < 1:
		return nil, fmt.Errorf("gridsize %d: at least 1 is needed", o.Gridsize)
	case count <= others:
		return nil, s.Fault(dataset.KeyX, fmt.Sprintf("%d positions", count),
			fmt.Sprintf("at least %d, for groups of gridsize %d", others+1, o.Gridsize), "lower --gridsize")
	case neighbours < others:
		return nil, fmt.Errorf("gridsize %d: %d neighbours are too few, at least %d are needed",
			o.Gridsize, neighbours, others)
	case most < times:
		return nil, s.Fault("oversample", fmt.Sprintf("%d groups for each position", times),
			fmt.Sprintf("at most %d, which %d neighbours give at gridsize %d", most, neighbours, o.Gridsize),
			"raise --neighbours or lower --oversample")
	}
	x, y := make([]float64, count), make([]float64, count)
	for i, id := range ids {
		x[i], y[i] = s.X[id], s.Y[id]
	}
	near := newNeighbourhood(x, y, neighbours)
	groups := make([][]int, times*count)
	for i, id := range ids {
		// A stream for each position: its groups do not depend on those before it.
		rng := stream.New(o.Seed, "grouping/group", o.Scan, id)
		candidates := near.of(i)
		for k := 0; k < times; {
			group := draw(rng, i, candidates, others)
			rowMajor(group, x, y, o.Gridsize)
			groups[k*count+i] = group
			if !repeated(groups, i, k, count) {
				k++
			}
		}
	}
	for _, group := range groups {
		for k, i := range group {
			group[k] = ids[i]
		}
	}
	return groups, nil
}

// choices is the number of ways to choose k of n, but no more than most.
func choices(n, k, most int) int {
	if n < k {
		return 0
	}
	ways := 1
	for i := 1; i <= k; i++ {
		ways = ways * (n - k + i) / i // grows with i, and is a whole number at every step
		if ways >= most {
			return most
		}
	}
	return ways
}

// Singles are m groups of one pattern each, in order.
func Singles(m int) [][]int {
	all, groups := make([]int, m), make([][]int, m)
	for i := range groups {
		all[i] = i
		groups[i] = all[i : i+1 : i+1]
	}
	return groups
}

// draw takes a position and others of the candidates, which it reorders.
func draw(rng *rand.Rand, position int, candidates []int, others int) []int {
	group := make([]int, 0, others+1)
	group = append(group, position)
	for k := range others {
		j := k + rng.IntN(len(candidates)-k)
		candidates[k], candidates[j] = candidates[j], candidates[k]
		group = append(group, candidates[k])
	}
	return group
}

// repeated reports whether position i has its k-th group already. The same patterns are in the same order.
func repeated(groups [][]int, i, k, m int) bool {
	for before := range k {
		if slices.Equal(groups[before*m+i], groups[k*m+i]) {
			return true
		}
	}
	return false
}

// rowMajor sorts the group into rows of increasing y, each of increasing x.
func rowMajor(group []int, x, y []float64, gridsize int) {
	slices.SortFunc(group, func(a, b int) int {
		return cmp.Or(cmp.Compare(y[a], y[b]), cmp.Compare(x[a], x[b]), cmp.Compare(a, b))
	})
	for row := range slices.Chunk(group, gridsize) {
		slices.SortFunc(row, func(a, b int) int {
			return cmp.Or(cmp.Compare(x[a], x[b]), cmp.Compare(y[a], y[b]), cmp.Compare(a, b))
		})
	}
}

// Overlapping gives the groups whose patterns are within reach pixels of each other along both axes. The patches of
// other groups share no pixel, however near the patterns are among their scan's positions.
func Overlapping(groups [][]int, x, y []float64, reach float64) [][]int {
	return slices.DeleteFunc(slices.Clone(groups), func(group []int) bool {
		return extent(group, x) > reach || extent(group, y) > reach
	})
}

// extent is the distance of the outermost positions of a group along one axis.
func extent(group []int, at []float64) float64 {
	low, high := at[group[0]], at[group[0]]
	for _, id := range group {
		low, high = min(low, at[id]), max(high, at[id])
	}
	return high - low
}

// Sample chooses n groups at random, without replacement, and keeps their order. It gives all groups if n is 0 or
// less, or as many as there are.
func Sample(groups [][]int, n int, random *rand.Rand) [][]int {
	if n <= 0 || n >= len(groups) {
		return groups
	}
	order := random.Perm(len(groups))[:n]
	slices.Sort(order)
	chosen := make([][]int, n)
	for i, k := range order {
		chosen[i] = groups[k]
	}
	return chosen
}
