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

// Grouping says how positions become groups.
type Grouping struct {
	Gridsize   int    // a group is Gridsize^2 patterns
	Neighbours int    // nearest neighbours that a group draws from; 0: DefaultNeighbours
	Oversample int    // different groups for each position; 0: one
	Seed       uint64 // of the draw
}

// DefaultNeighbours is how many neighbours a group draws from, where the user says nothing: PtychoPINN's 4 for
// gridsize 2, and likewise gridsize squared for others, one more than is needed, so that groups differ.
func DefaultNeighbours(gridsize int) int { return gridsize * gridsize }

func (g Grouping) neighbours() int {
	if g.Neighbours == 0 {
		return DefaultNeighbours(g.Gridsize)
	}
	return g.Neighbours
}

// others is how many neighbours a group takes in.
func (g Grouping) others() int { return g.Gridsize*g.Gridsize - 1 }

// Groups is the scan's samples: NearestGroups of its positions. What the scan cannot give is a *badinput.Error.
func (s *Scan) Groups(g Grouping) ([][]int, error) {
	if need := g.others() + 1; s.M < need {
		return nil, s.fault("xcoords", fmt.Sprintf("%d positions", s.M), fmt.Sprintf("at least %d, for groups of gridsize %d", need, g.Gridsize), "lower --gridsize")
	}
	if n := min(g.neighbours(), s.M-1); g.Oversample > 1 && choices(n, g.others(), g.Oversample) < g.Oversample {
		return nil, s.fault("oversample", fmt.Sprintf("%d groups for each position", g.Oversample),
			fmt.Sprintf("at most %d, which %d neighbours give at gridsize %d", choices(n, g.others(), g.Oversample), n, g.Gridsize), "raise --neighbours or lower --oversample")
	}
	return NearestGroups(s.X, s.Y, g)
}

// choices is in how many ways k of n can be chosen, as far as it matters: no more than most.
func choices(n, k, most int) int {
	if n < k {
		return 0
	}
	ways := 1
	for i := 1; i <= k; i++ {
		ways = ways * (n - k + i) / i // grows with i, and is whole at every step
		if ways >= most {
			return most
		}
	}
	return ways
}

// NearestGroups makes groups for each position, of patterns that overlap: the pattern itself and others drawn, by the
// seed, from its nearest neighbours. With Oversample the groups of a position differ; first come all positions' first
// groups, the same as without it, then the second ones. The order within a group is roughly row-major (top-left,
// top-right, bottom-left, ... for gridsize 2), which is how PtychoPINN numbers channels. x and y are object pixels.
func NearestGroups(x, y []float64, g Grouping) ([][]int, error) {
	m, others, neighbours := len(x), g.others(), min(g.neighbours(), len(x)-1)
	times := max(1, g.Oversample)
	switch {
	case len(y) != m:
		return nil, fmt.Errorf("grouping %d columns with %d rows", m, len(y))
	case g.Gridsize < 1:
		return nil, fmt.Errorf("grouping with gridsize %d: at least 1 is needed", g.Gridsize)
	case m <= others:
		return nil, fmt.Errorf("grouping with gridsize %d: %d patterns are too few, at least %d are needed", g.Gridsize, m, others+1)
	case neighbours < others:
		return nil, fmt.Errorf("grouping with gridsize %d: %d neighbours are too few, at least %d are needed", g.Gridsize, neighbours, others)
	case choices(neighbours, others, times) < times:
		return nil, fmt.Errorf("grouping with gridsize %d: %d neighbours do not give %d groups for each position", g.Gridsize, neighbours, times)
	case g.Gridsize == 1:
		return Singles(m), nil
	}
	near := newNeighbourhood(x, y, neighbours)
	groups := make([][]int, times*m)
	for i := range m {
		// A generator for each position: its groups do not depend on those before it.
		rng := rand.New(rand.NewPCG(g.Seed, uint64(i)))
		candidates := near.of(i)
		for k := 0; k < times; {
			group := draw(rng, i, candidates, others)
			rowMajor(group, x, y, g.Gridsize)
			groups[k*m+i] = group
			if !repeated(groups, i, k, m) {
				k++
			}
		}
	}
	return groups, nil
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

// repeated tells whether position i has its k-th group already. The same patterns are in the same order.
func repeated(groups [][]int, i, k, m int) bool {
	for before := range k {
		if slices.Equal(groups[before*m+i], groups[k*m+i]) {
			return true
		}
	}
	return false
}

// Overlapping are the groups whose patterns lie within reach pixels of each other along both axes. Others have nothing in
// common that a shared object could hold together, however near they are among their scan's positions.
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
