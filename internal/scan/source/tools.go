package source

import (
	"strconv"
	"strings"

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

// quantity reads a number at the first of the paths that the file has and that is not 0, in the unit that its attribute
// units has in a table, else in usual, a unit of that table's base.
func (r *reader) quantity(into *float64, table map[string]float64, usual float64, paths ...string) {
	for _, path := range paths {
		var value float64
		if *into != 0 || r.err != nil || !r.number(&value, path) {
			continue
		}
		scale := usual
		text, present, err := r.file.attributeText(path, "units")
		r.keep(err)
		if known, ok := scaleOf(table, text); ok {
			scale = known
		} else if present && strings.TrimSpace(text) != "" {
			r.fail(path+"@units", strconv.Quote(text), "one of "+spellings(table), "")
			return
		}
		*into = scale * value
	}
}

// texts reads the strings at a place; none if the file does not have it.
func (r *reader) texts(place string) []string {
	_, a := r.find(place)
	d, is := a.(dataset)
	if !is {
		return nil
	}
	texts, err := d.Texts()
	r.keep(err)
	return texts
}

// remark notes what was done with the file that its user should know.
func (r *reader) remark(text string) { r.Facts.Remarks = append(r.Facts.Remarks, text) }

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
