package dataset

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Singles are m groups of one pattern each, in order.
func Singles(m int) [][]int {
	all, groups := make([]int, m), make([][]int, m)
	for i := range groups {
		all[i] = i
		groups[i] = all[i : i+1 : i+1]
	}
	return groups
}

// Groups is the scan's samples for a grid: NearestGroups with DefaultNeighbours, single patterns for gridsize 1.
func (s *Scan) Groups(gridsize int, seed uint64) ([][]int, error) {
	if need := gridsize * gridsize; s.M < need {
		return nil, s.fault("xcoords", fmt.Sprintf("%d positions", s.M), fmt.Sprintf("at least %d, for groups of gridsize %d", need, gridsize), "lower --gridsize")
	}
	return NearestGroups(s.X, s.Y, gridsize, DefaultNeighbours(gridsize), seed)
}

// DefaultNeighbours is how many neighbours a group draws from, where the user says nothing: PtychoPINN's 4 for
// gridsize 2, and likewise gridsize squared for others, one more than is needed, so that groups differ.
func DefaultNeighbours(gridsize int) int { return gridsize * gridsize }

// NearestGroups makes one group for each position, of gridsize*gridsize patterns that overlap: the pattern itself and
// others drawn, by the seed, from its nearest neighbours. The order within a group is roughly row-major (top-left,
// top-right, bottom-left, ... for gridsize 2), which is how PtychoPINN numbers channels. x and y are object pixels.
func NearestGroups(x, y []float64, gridsize, neighbours int, seed uint64) ([][]int, error) {
	m, others := len(x), gridsize*gridsize-1
	switch {
	case len(y) != m:
		return nil, fmt.Errorf("grouping %d columns with %d rows", m, len(y))
	case gridsize < 1:
		return nil, fmt.Errorf("grouping with gridsize %d: at least 1 is needed", gridsize)
	case gridsize == 1:
		return Singles(m), nil
	case m <= others:
		return nil, fmt.Errorf("grouping with gridsize %d: %d patterns are too few, at least %d are needed", gridsize, m, others+1)
	case neighbours < others:
		return nil, fmt.Errorf("grouping with gridsize %d: %d neighbours are too few, at least %d are needed", gridsize, neighbours, others)
	}
	near := newNeighbourhood(x, y, min(neighbours, m-1))
	groups := make([][]int, m)
	for i := range groups {
		// A generator for each group: a group does not depend on those before it.
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		candidates := near.of(i)
		group := make([]int, 0, others+1)
		group = append(group, i)
		for k := range others {
			j := k + rng.IntN(len(candidates)-k)
			candidates[k], candidates[j] = candidates[j], candidates[k]
			group = append(group, candidates[k])
		}
		rowMajor(group, x, y, gridsize)
		groups[i] = group
	}
	return groups, nil
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

// Sample chooses n groups by the seed, without replacement, and leaves them in their order. n of 0 or less, or as many
// as there are, gives all.
func Sample(groups [][]int, n int, seed uint64) [][]int {
	if n <= 0 || n >= len(groups) {
		return groups
	}
	chosen, _ := partition(groups, n, seed)
	return chosen
}

// Split sets a fraction of the groups aside for validation, chosen by the seed; both parts keep their order. A fraction
// above 0 gives at least one group, and one is always left to train on; a single group is not split. Groups of several
// patterns may share patterns across the two parts.
func Split(groups [][]int, fraction float64, seed uint64) (train, validation [][]int) {
	if !(fraction > 0) || len(groups) < 2 {
		return groups, nil
	}
	n := int(math.Round(min(fraction, 1) * float64(len(groups))))
	validation, train = partition(groups, min(max(n, 1), len(groups)-1), seed)
	return train, validation
}

// partition puts n groups, chosen by the seed, into chosen and the others into rest, both in their order.
func partition(groups [][]int, n int, seed uint64) (chosen, rest [][]int) {
	order := rand.New(rand.NewPCG(seed, uint64(len(groups)))).Perm(len(groups))
	take := make([]bool, len(groups))
	for _, i := range order[:n] {
		take[i] = true
	}
	for i, g := range groups {
		if take[i] {
			chosen = append(chosen, g)
		} else {
			rest = append(rest, g)
		}
	}
	return chosen, rest
}
