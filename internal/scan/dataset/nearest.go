package dataset

// Nearest is, for each of at least two positions, the position nearest to it; of several equally near the first.
func Nearest(x, y []float64) []int {
	tree := newNeighbourhood(x, y, 1)
	nearest := make([]int, len(x))
	for i := range nearest {
		nearest[i] = tree.of(i)[0]
	}
	return nearest
}
