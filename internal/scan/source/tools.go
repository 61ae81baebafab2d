package source

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
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

// beside opens another HDF5 file, of the same scan, for the reader to close; nil if it cannot be read.
func (r *reader) beside(path string) *reader {
	file, is := r.file.(hdf5File)
	if r.err != nil || !is || path == "" {
		return nil
	}
	l, err := hdf5.Load(file.library)
	r.keep(err)
	if err != nil {
		return nil
	}
	other, err := l.Open(path)
	r.keep(err)
	if err != nil {
		return nil
	}
	return &reader{Source: &Source{file: hdf5File{other, file.library}, members: map[string]member{}}}
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
