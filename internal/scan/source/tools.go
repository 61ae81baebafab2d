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
		if *into != 0 || r.err != nil || r.stated(into) || !r.number(&value, path) {
			continue
		}
		*into = r.unit(table, usual, path) * value
	}
}

// stated reports whether the user states a fact, so that a fault of the file's own does not matter.
func (r *reader) stated(into *float64) bool {
	f, s := &r.Facts, r.options.Stated
	return into == &f.EnergyEV && s.Energy || into == &f.DistanceM && s.Distance ||
		(into == &f.DetectorPixelX || into == &f.DetectorPixelY) && s.Pixel
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

// unit is the size of the unit that the attribute units of an array has in a table, else usual.
func (r *reader) unit(table map[string]float64, usual float64, place string) float64 {
	if r.err != nil {
		return usual
	}
	text, present, err := r.file.attributeText(place, "units")
	r.keep(err)
	if !present || strings.TrimSpace(text) == "" {
		return usual
	}
	scale, known := scaleOf(table, text)
	if !known && r.err == nil {
		r.fail(place+"@units", strconv.Quote(text), "one of "+spellings(table), "")
	}
	return scale
}

// axes makes X and Y of two arrays of any shape, each in the unit of its attribute, else in usual, metres.
func (r *reader) axes(x, y string, usual float64) {
	if r.err != nil || !r.has(x) || !r.has(y) {
		return
	}
	for key, place := range map[string]string{X: x, Y: y} {
		_, values, _ := r.values(place)
		unit := r.unit(lengths, usual, place)
		for i := range values {
			values[i] *= unit
		}
		r.members[key] = member{place: place, values: values, unit: unit}
	}
	r.Facts.Metres = true
}

// stackAt gives the patterns at the first of the paths their name; a raster is read in the order of its rows.
func (r *reader) stackAt(paths ...string) {
	place := r.first(paths...)
	if place == "" {
		return
	}
	if all, found := r.patterns(place); found {
		if len(all.stored) == 4 {
			r.Facts.Raster = Raster{Rows: all.stored[0], Columns: all.stored[1]}
		}
		r.members[Patterns] = member{place: place, array: all}
	}
}

// insideOf lists a group that may be absent.
func (r *reader) insideOf(place string) (names []string, group bool) {
	if !r.has(place) {
		return nil, false
	}
	return r.inside(place)
}
