package source

import (
	"ptyx/internal/base/ndarray"
)

// patterns opens the patterns at the first of the paths that the file has, to be read in parts: (M, H, W), or a raster
// (A, B, H, W) in the order of its rows.
func (r *reader) patterns(paths ...string) (s sliced, found bool) {
	place, a := r.find(paths...)
	if a == nil {
		return s, false
	}
	d, is := a.(dataset)
	if is {
		s, is = patternsOf(d)
	}
	if !is {
		h, err := a.Header()
		r.keep(err)
		r.fail(place, "shape "+h.ShapeText(), "patterns (M, H, W), or a raster (A, B, H, W)", "")
	}
	return s, is
}

// metres gives positions in metres their names; none if there are none.
func (r *reader) metres(place string, x, y []float64) {
	if len(x) == 0 || r.err != nil {
		return
	}
	r.members[X], r.members[Y] = member{place: place, values: x}, member{place: place, values: y}
	r.Facts.Metres = true
}

// mask adds bad pixels to the mask of patterns (H, W).
func (r *reader) mask(frame []int, bad func(i int) bool) {
	f := &r.Facts
	if f.Bad == nil {
		f.Bad = ndarray.New[float32](frame...)
	}
	for i := range f.Bad.Data {
		if bad(i) {
			f.Bad.Data[i] = 1
		}
	}
}
