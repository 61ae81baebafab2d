package source

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// placePositions reads the positions that the user names, and applies the unit that the user states.
func (r *reader) placePositions(p Places) {
	if r.err != nil {
		return
	}
	if p.Points == "" && p.X == "" && p.Y == "" {
		if r.options.Positions && (!r.Has(X) || !r.Has(Y)) {
			if p.Points = r.alone(); p.Points == "" {
				p.X, p.Y = r.namedAxes()
			}
		} else if p.Unit != "" && r.Has(X) && r.Has(Y) {
			r.scalePositions(p.Unit)
		}
		if p.X == "" && p.Points == "" {
			return
		}
	}
	x, y := p.X, p.Y
	if (x == "") != (y == "") {
		r.keep(&badinput.Error{
			File: r.Path(), Found: fmt.Sprintf("--x %q and --y %q", x, y), Expected: "both axes of the positions",
		})
		return
	}
	_, group := r.inside(p.Points)
	switch {
	case p.Points == "":
		r.placeAxes(x, y)
	case group && x != "":
		r.placeAxes(path.Join(p.Points, x), path.Join(p.Points, y))
	case group:
		r.at(p.Points) // the error for a group
	default:
		r.placeColumns(p.Points, x, y)
	}
	// What the layout states belongs to its own positions.
	delete(r.members, XStart)
	delete(r.members, YStart)
	if !r.isTable() { // whose rows have the numbers, too
		delete(r.members, PositionIndex)
	}
	r.Facts.SampleMotion, r.Facts.Origin = false, nil
	r.scalePositions(p.Unit)
}

// namedAxes finds the arrays at the root of a file of positions whose names are two axes.
func (r *reader) namedAxes() (x, y string) {
	names, err := r.file.Names()
	r.keep(err)
	pair, ok := likeliest(PairsIn(names))
	if !ok && r.err == nil {
		r.keep(&badinput.Error{
			File: r.Path(), Found: listed(names), Expected: "one pair of arrays x and y",
			Remedy: "name them by --x and --y; ptyx inspect " + r.Path() + " lists all arrays",
		})
	}
	return pair.X, pair.Y
}

// placeAxes reads positions from two arrays.
func (r *reader) placeAxes(x, y string) {
	for _, axis := range [][2]string{{X, x}, {Y, y}} {
		if a := r.at(axis[1]); a != nil {
			values, err := a.Float64s()
			r.keep(err)
			r.members[axis[0]] = member{place: axis[1], values: values}
		}
	}
}

// placeColumns reads positions from one array: points (M, 2 or more), also (A, B, 2), or coordinates (2 or more, M). x
// and y are numbers of the coordinates; empty: 0 and 1 of two or three.
func (r *reader) placeColumns(place, x, y string) {
	a := r.at(place)
	if a == nil {
		return
	}
	h, err := a.Header()
	r.keep(err)
	if err != nil {
		return
	}
	count, columns, byRow := pointsOf(h.Shape)
	at, ok := columnNumbers(x, y, columns)
	if !ok {
		expected := "positions (M, 2), (M, 3) or (2, M)"
		if columns > 0 {
			expected = fmt.Sprintf("two numbers of its columns as --x and --y, from 0 to %d", columns-1)
		}
		r.fail(place, "shape "+h.ShapeText(), expected, "")
		return
	}
	values, err := a.Float64s()
	r.keep(err)
	if err != nil {
		return
	}
	for axis, key := range []string{X, Y} {
		one := make([]float64, count)
		for i := range one {
			if byRow {
				one[i] = values[i*columns+at[axis]]
			} else {
				one[i] = values[at[axis]*count+i]
			}
		}
		r.members[key] = member{place: place, values: one}
	}
}

// pointsOf finds the axis of an array along which a point has its coordinates: the last if it is 2 or 3, else the first
// if it is, else the shorter one of two. columns is its length, 0 if there is none; count is the number of points.
func pointsOf(shape []int) (count, columns int, byRow bool) {
	if len(shape) < 2 || ndarray.Size(shape) == 0 {
		return 0, 0, false
	}
	first, last := shape[0], shape[len(shape)-1]
	few := func(n int) bool { return n == 2 || n == 3 }
	switch {
	case few(last), !few(first) && len(shape) == 2 && last <= first:
		return ndarray.Size(shape) / last, last, true
	case few(first), len(shape) == 2:
		return ndarray.Size(shape) / first, first, false
	}
	return 0, 0, false
}

// columnNumbers are the two columns that x and y name, of columns.
func columnNumbers(x, y string, columns int) (at [2]int, ok bool) {
	if x == "" {
		return [2]int{0, 1}, columns == 2 || columns == 3
	}
	for axis, text := range []string{x, y} {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n >= columns {
			return at, false
		}
		at[axis] = n
	}
	return at, true
}

// scalePositions brings the positions to metres, or leaves them object pixels. An empty unit is what the file states.
func (r *reader) scalePositions(asked Unit) {
	var pixels [2]bool
	for axis, key := range []string{X, Y} {
		if r.err != nil {
			return
		}
		m := r.members[key]
		values, err := r.raw(m)
		r.keep(err)
		unit := string(asked)
		if asked == "" {
			unit = r.unitOf(m.place, values)
		}
		if r.err != nil {
			return
		}
		pixels[axis] = slices.Contains(pixelNames, strings.ToLower(unit))
		if scale, known := scaleOf(lengths, unit); known {
			for i := range values {
				values[i] *= scale
			}
		}
		r.members[key] = member{place: m.place, values: values}
	}
	if pixels[0] != pixels[1] {
		r.fail(r.members[Y].place, "one axis in pixels and the other in a unit of length", "both in the same",
			"give --unit")
	}
	r.Facts.Metres = !pixels[0]
}

// raw are the values of a coordinate as the file has them.
func (r *reader) raw(m member) ([]float64, error) {
	if m.values == nil {
		return m.array.Float64s()
	}
	values := slices.Clone(m.values)
	if m.unit != 0 {
		for i := range values {
			values[i] /= m.unit
		}
	}
	return values, nil
}

// unitOf is the unit of the positions at a place: that of its attribute, or that of its name, such as x_um.
func (r *reader) unitOf(place string, values []float64) string {
	for _, name := range []string{"units", "unit"} {
		text, present, err := r.file.attributeText(place, name)
		r.keep(err)
		if r.err != nil || !present || strings.TrimSpace(text) == "" {
			continue
		}
		if isPositionUnit(text) {
			return text
		}
		r.fail(place+"@"+name, strconv.Quote(text), "a unit of length", "give --unit")
		return ""
	}
	if unit := UnitOfName(path.Base(place)); unit != "" {
		return unit
	}
	found := "positions without a unit"
	if len(values) > 0 {
		found = fmt.Sprintf("positions from %.6g to %.6g without a unit", slices.Min(values), slices.Max(values))
	}
	r.fail(place, found, "an attribute units", "give --unit px, m, mm, um or nm")
	return ""
}

// isPositionUnit reports whether text is a unit of positions.
func isPositionUnit(text string) bool {
	_, length := scaleOf(lengths, text)
	return length || slices.Contains(pixelNames, strings.ToLower(strings.TrimSpace(text)))
}

// contractNames are names of positions in object pixels.
var contractNames = []string{X, Y, XStart, YStart}

// UnitOfName is the unit that the name of an array or column ends with, such as x_um, "x (um)" or x[um]; empty: none.
func UnitOfName(name string) string {
	if slices.Contains(contractNames, name) {
		return string(Pixels)
	}
	words := strings.FieldsFunc(name, func(c rune) bool { return strings.ContainsRune(" _-.,/()[]{}", c) })
	if len(words) < 2 {
		return ""
	}
	if last := words[len(words)-1]; isPositionUnit(last) && strings.ToLower(last) != "a" {
		return last
	}
	return ""
}

// shapeText writes a shape as Python does.
func shapeText(shape []int) string { return npz.Header{Shape: shape}.ShapeText() }
