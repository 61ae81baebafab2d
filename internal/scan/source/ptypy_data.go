package source

import (
	"fmt"
	"slices"
)

// ptypyData is a .ptyd file, PtyPy's prepared data: counts in one or more chunks, positions of the beam in metres as
// (row, column), energy in keV, and weights, which are 0 where a pixel is masked. PtyPy pickles what HDF5 has no type
// for; none of that is read.
var ptypyData = layout{
	name:  "PtyPy data",
	signs: []string{"chunks/0/data"},
	read: func(r *reader) {
		f := &r.Facts
		f.Kind = Counts
		var kiloEV float64
		r.number(&kiloEV, "meta/energy")
		f.EnergyEV = 1e3 * kiloEV
		r.number(&f.DistanceM, "meta/distance")
		f.DetectorPixelY, f.DetectorPixelX = r.pair("meta/psize")
		r.ptypyChunks()
	},
}

// pair reads two numbers, for rows and columns, or one for both.
func (r *reader) pair(path string) (row, column float64) {
	place, v, _ := r.values(path)
	switch {
	case place == "":
		return 0, 0
	case len(v) != 1 && len(v) != 2:
		r.fail(place, fmt.Sprintf("%d values", len(v)), "one, or one for rows and one for columns", "")
		return 0, 0
	}
	return v[0], v[len(v)-1]
}

// ptypyChunks joins the chunks, which PtyPy numbers from 0.
func (r *reader) ptypyChunks() {
	var parts []sliced
	var x, y []float64
	for i := 0; ; i++ {
		chunk := fmt.Sprintf("chunks/%d/", i)
		part, found := r.patterns(chunk + "data")
		if !found {
			break
		}
		if len(parts) > 0 && !slices.Equal(part.shape[1:], parts[0].shape[1:]) {
			r.fail(part.place, "shape "+shapeText(part.shape),
				fmt.Sprintf("patterns of %d x %d pixels, as in chunk 0", parts[0].shape[1], parts[0].shape[2]), "")
			break
		}
		parts = append(parts, part)
		place, points, shape := r.values(chunk + "positions")
		if place == "" {
			continue
		}
		if len(shape) != 2 || shape[0] != part.shape[0] || shape[1] != 2 {
			r.fail(place, "shape "+shapeText(shape),
				fmt.Sprintf("(%d, 2), a row and a column for each pattern", part.shape[0]), "")
			break
		}
		for at := 0; at < len(points); at += 2 {
			y, x = append(y, points[at]), append(x, points[at+1])
		}
		r.ptypyWeights(chunk+"weights", part.shape[1:])
	}
	if r.err != nil {
		return
	}
	all := parts[0]
	if len(parts) > 1 {
		all.rows, all.shape = joined(parts), slices.Clone(all.shape)
		for _, p := range parts[1:] {
			all.shape[0] += p.shape[0]
			all.direct = all.direct && p.direct
		}
	}
	r.members[Patterns] = member{place: all.place, array: all}
	r.metres("chunks/0/positions", x, y)
}

// ptypyWeights masks the pixels of weight 0 in the first pattern of a chunk: reading all would cost as much as reading
// the patterns. Empty weights, and those of another shape, count as none.
func (r *reader) ptypyWeights(path string, frame []int) {
	weights, found := r.patterns(path)
	if !found || weights.shape[0] == 0 || !slices.Equal(weights.shape[1:], frame) {
		return
	}
	first := make([]float32, frame[0]*frame[1])
	r.keep(weights.rows(first, 0, 1))
	r.mask(frame, func(i int) bool { return first[i] == 0 })
}
