package dataset

import (
	"cmp"
	"slices"
)

// neighbourhood finds the nearest positions of a position: a k-d tree, kept as a permutation of the positions in which
// every range is split at its middle. gonum's tree picks its pivots from the global random source, so that among
// neighbours at equal distance, the rule on a raster, chance would decide; here it is the smaller number.
type neighbourhood struct {
	at    [2][]float64 // x, y
	order []int        // positions, as the tree has them
	axis  []uint8      // the axis that splits the range whose middle is here
	near  []neighbour  // the best so far, sorted
	count int          // how many are wanted
}

type neighbour struct {
	distance float64 // squared
	id       int
}

func (a neighbour) compare(b neighbour) int {
	return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.id, b.id))
}

// newNeighbourhood builds the tree for queries of count neighbours.
func newNeighbourhood(x, y []float64, count int) *neighbourhood {
	t := &neighbourhood{at: [2][]float64{x, y}, order: make([]int, len(x)), axis: make([]uint8, len(x)), count: count}
	for i := range t.order {
		t.order[i] = i
	}
	t.build(0, len(x))
	return t
}

// build arranges order[low:high].
func (t *neighbourhood) build(low, high int) {
	if high-low < 2 {
		return
	}
	ids := t.order[low:high]
	axis := t.widest(ids)
	c := t.at[axis]
	slices.SortFunc(ids, func(a, b int) int { return cmp.Or(cmp.Compare(c[a], c[b]), cmp.Compare(a, b)) })
	middle := (low + high) / 2
	t.axis[middle] = axis
	t.build(low, middle)
	t.build(middle+1, high)
}

// widest is the axis along which positions extend farthest.
func (t *neighbourhood) widest(ids []int) uint8 {
	var extent [2]float64
	for a, c := range t.at {
		least, most := c[ids[0]], c[ids[0]]
		for _, id := range ids {
			least, most = min(least, c[id]), max(most, c[id])
		}
		extent[a] = most - least
	}
	if extent[1] > extent[0] {
		return 1
	}
	return 0
}

// of lists the nearest neighbours of position i without i itself, nearest first.
func (t *neighbourhood) of(i int) []int {
	t.near = t.near[:0]
	t.search(i, 0, len(t.order))
	ids := make([]int, len(t.near))
	for k, n := range t.near {
		ids[k] = n.id
	}
	return ids
}

func (t *neighbourhood) search(i, low, high int) {
	if low >= high {
		return
	}
	middle := (low + high) / 2
	id, c := t.order[middle], t.at[t.axis[middle]]
	if id != i {
		dx, dy := t.at[0][id]-t.at[0][i], t.at[1][id]-t.at[1][i]
		t.offer(neighbour{dx*dx + dy*dy, id})
	}
	beyond := c[i] - c[id] // to the splitting line
	if beyond <= 0 {
		t.search(i, low, middle)
	} else {
		t.search(i, middle+1, high)
	}
	if len(t.near) == t.count && beyond*beyond > t.near[t.count-1].distance {
		return
	}
	if beyond <= 0 {
		t.search(i, middle+1, high)
	} else {
		t.search(i, low, middle)
	}
}

// offer keeps n if it is among the nearest so far.
func (t *neighbourhood) offer(n neighbour) {
	if len(t.near) == t.count {
		if t.near[t.count-1].compare(n) <= 0 {
			return
		}
		t.near = t.near[:t.count-1]
	}
	at, _ := slices.BinarySearchFunc(t.near, n, neighbour.compare)
	t.near = slices.Insert(t.near, at, n)
}
