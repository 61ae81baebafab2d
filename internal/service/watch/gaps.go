package watch

import (
	"fmt"
	"slices"
	"strings"
)

// gaps are the ids below the largest one seen that were not seen. It takes memory for each gap only.
type gaps struct {
	ranges [][2]int64 // [from, to) of the gaps, ascending
	next   int64      // the largest id seen plus 1
}

// see notes an id.
func (g *gaps) see(id int64) {
	if id >= g.next {
		if id > g.next {
			g.ranges = append(g.ranges, [2]int64{g.next, id})
		}
		g.next = id + 1
		return
	}
	i, _ := slices.BinarySearchFunc(g.ranges, id, func(r [2]int64, id int64) int {
		if r[1] <= id {
			return -1
		}
		return 1
	})
	if i == len(g.ranges) || id < g.ranges[i][0] {
		return // seen before
	}
	var rest [][2]int64
	if r := g.ranges[i]; r[0] < id {
		rest = append(rest, [2]int64{r[0], id})
	}
	if r := g.ranges[i]; id+1 < r[1] {
		rest = append(rest, [2]int64{id + 1, r[1]})
	}
	g.ranges = slices.Replace(g.ranges, i, i+1, rest...)
}

// String lists the first ids, such as "7, 12-15 and 3 more gaps"; empty: there are none.
func (g *gaps) String() string {
	const most = 6
	var parts []string
	for _, r := range g.ranges[:min(most, len(g.ranges))] {
		part := fmt.Sprint(r[0])
		if r[1]-r[0] > 1 {
			part = fmt.Sprintf("%d-%d", r[0], r[1]-1)
		}
		parts = append(parts, part)
	}
	text := strings.Join(parts, ", ")
	if more := len(g.ranges) - most; more > 0 {
		text += fmt.Sprintf(" and %d more gaps", more)
	}
	return text
}
