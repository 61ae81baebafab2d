package grouping

import (
	"cmp"
	"math"
	"slices"
)

// Neighbours gives for each of at least two positions the nearest other one; of several equally near ones the first.
func Neighbours(x, y []float64) []int {
	tree := newNeighbourhood(x, y, 1)
	nearest := make([]int, len(x))
	for i := range nearest {
		nearest[i] = tree.of(i)[0]
	}
	return nearest
}

// neighbourhood finds the nearest positions of a position: a k-d tree, kept as a permutation of the positions in which
// every range is split at its middle. gonum's tree takes its pivots from the global random source, so that chance would
// decide among neighbours at equal distance, the rule on a raster. Here the smaller number decides.
type neighbourhood struct {
	at    [2][]float64 // x, y
	order []int        // positions, as the tree has them
	axis  []uint8      // the axis that splits the range whose middle is here
	near  []neighbour  // the nearest so far, sorted
	count int          // how many to find
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
	if extent(ids, t.at[1]) > extent(ids, t.at[0]) {
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
	side, far := [2]int{low, middle}, [2]int{middle + 1, high}
	line := c[i] - c[id] // distance to the splitting line
	if line > 0 {
		side, far = far, side
	}
	t.search(i, side[0], side[1])
	if len(t.near) < t.count || line*line <= t.near[t.count-1].distance {
		t.search(i, far[0], far[1])
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

// Nearest gives for each position its nearest others, count or all that there are, in the order of Neighbours.
func Nearest(x, y []float64, count int) [][]int {
	count = min(count, len(x)-1)
	lists := make([][]int, len(x))
	if count < 1 {
		return lists
	}
	tree := newNeighbourhood(x, y, count)
	for i := range lists {
		lists[i] = tree.of(i)
	}
	return lists
}

// Distances are those of positions, two at least, to the nearest other one, in the unit of x and y.
func Distances(x, y []float64) []float64 {
	out := make([]float64, len(x))
	for i, j := range Neighbours(x, y) {
		out[i] = math.Hypot(x[i]-x[j], y[i]-y[j])
	}
	return out
}

// MedianDistance is the median of Distances.
func MedianDistance(x, y []float64) float64 {
	distances := Distances(x, y)
	slices.Sort(distances)
	return distances[len(distances)/2]
}

// Apart takes positions in their order, unless an earlier one is nearer than least, and returns their indices.
func Apart(x, y []float64, least float64) (kept []int) {
	type cell [2]int
	taken := map[cell][]int{}
	for i := range x {
		at := cell{int(math.Floor(y[i] / least)), int(math.Floor(x[i] / least))}
		free := true
		for r := at[0] - 1; r <= at[0]+1; r++ {
			for c := at[1] - 1; c <= at[1]+1; c++ {
				for _, j := range taken[cell{r, c}] {
					free = free && math.Hypot(x[i]-x[j], y[i]-y[j]) >= least
				}
			}
		}
		if free {
			taken[at] = append(taken[at], i)
			kept = append(kept, i)
		}
	}
	return kept
}
