package survey

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"

	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
)

// guessPositions finds the positions: in the other files first, as their user has named them for something.
func (s *Survey) guessPositions(of frames) {
	for i := range s.Files {
		f := &s.Files[i]
		if f.has(source.X) && f.has(source.Y) {
			g := Guess{
				Role: Positions, File: f.Path, Paths: []string{f.known.Place(source.X), f.known.Place(source.Y)},
				Why: "by the layout", Known: i == 0, score: knownScore + float64(i), pixels: !f.known.Facts.Metres,
				Flags: []string{},
			}
			if i > 0 {
				g.Flags = []string{"--positions-file", f.Path}
			}
			s.Guesses = append(s.Guesses, g)
		}
		for _, group := range axesByGroup(f) {
			s.guessPairs(i, group, of)
		}
		for _, e := range f.Entries {
			s.guessPoints(i, e, of)
		}
	}
}

// axes are arrays of one group that may be axes of positions, by their names.
type axes struct {
	names   []string
	entries map[string]source.Entry
}

// holders are names of an array that say nothing where the group has the name: samx/value.
var holders = []string{"value", "values", "data", "position", "readback"}

// axesByGroup gathers the lists and grids of real numbers of a file by their groups, in the order of the file.
func axesByGroup(f *File) (all []axes) {
	place := map[string]int{}
	for _, e := range f.Entries {
		h := npz.Header{Dtype: e.Type}
		if e.Group || e.Fault != "" || len(e.Shape) < 1 || len(e.Shape) > 2 || e.Elements() < 2 || !h.Real() {
			continue
		}
		named := e.Path
		if slices.Contains(holders, strings.ToLower(path.Base(named))) && path.Dir(named) != "." {
			named = path.Dir(named)
		}
		group, name := path.Dir(named), path.Base(named)
		at, known := place[group]
		if !known {
			at = len(all)
			place[group] = at
			all = append(all, axes{entries: map[string]source.Entry{}})
		}
		if _, twice := all[at].entries[name]; !twice {
			all[at].names = append(all[at].names, name)
			all[at].entries[name] = e
		}
	}
	return all
}

// guessPairs finds two axes of a group by their names; a table may also have no names.
func (s *Survey) guessPairs(i int, group axes, of frames) {
	f := &s.Files[i]
	pairs := source.PairsIn(group.names)
	if len(pairs) == 0 && f.Text {
		pairs = unnamedPair(group.names)
	}
	if len(pairs) == 0 {
		pairs = motorPair(group)
	}
	for _, p := range pairs {
		x, y := group.entries[p.X], group.entries[p.Y]
		fit, text := fits(x, y, of, f.numbered())
		if fit == 0 {
			if x.Elements() == y.Elements() && p.Penalty < unlikely {
				s.lacking(x.Path, x.Elements(), of)
			}
			continue
		}
		vx, errX := f.browser.Float64s(x.Path)
		vy, errY := f.browser.Float64s(y.Path)
		if errX != nil || errY != nil || !varies(vx) && !varies(vy) || !finite(vx) || !finite(vy) {
			continue
		}
		unit, sure := s.unitFor(x, vx, vy, of)
		flags := []string{"--x", x.Path, "--y", y.Path}
		if f.Text && len(source.PairsIn(group.names)) > 0 && len(pairs) == 1 {
			flags = nil // ptyx finds the columns itself
		}
		if i > 0 || f.Text {
			flags = append([]string{"--positions-file", f.Path}, flags...)
		}
		if !sure {
			flags = append(flags, "--unit", unit)
			text += ", the unit is a guess"
		}
		s.Guesses = append(s.Guesses, Guess{
			Role: Positions, File: f.Path, Paths: []string{x.Path, y.Path}, Flags: flags,
			Why:    fmt.Sprintf("%s, x %s, y %s, %s", text, span(vx), span(vy), unit),
			pixels: sure && isPixel(unit),
			score:  fit - 2*float64(p.Penalty) - 0.1*float64(strings.Count(x.Path, "/")) + 5*float64(i),
		})
	}
}

// unnamedPair are the columns of a table without names: x and y, behind the number of the frame if there are three.
func unnamedPair(names []string) []source.Pair {
	switch {
	case len(names) == 2:
		return []source.Pair{{X: names[0], Y: names[1]}}
	case len(names) == 3 && names[0] == "0":
		return []source.Pair{{X: names[1], Y: names[2]}}
	}
	return nil
}

// unlikely is the penalty of a pair whose names say nothing.
const unlikely = 4

// motorPair are the first two arrays of a group with a unit of length: motors, of names that say nothing.
func motorPair(group axes) []source.Pair {
	var motors []string
	for _, name := range group.names {
		e := group.entries[name]
		if _, length := source.Metres(e.Units); length && strings.Contains(e.Type, "f") {
			motors = append(motors, name)
		}
	}
	if len(motors) < 2 {
		return nil
	}
	return []source.Pair{{X: motors[0], Y: motors[1], Penalty: unlikely}}
}

// numbered reports whether a table has a column of numbers of frames, which joins rows to frames.
func (f *File) numbered() bool {
	return f.Text && slices.ContainsFunc(f.Entries, func(e source.Entry) bool { return source.IsNumber(e.Path) })
}

// fits says how well the lengths of two axes fit the patterns; 0: they do not.
func fits(x, y source.Entry, of frames, numbered bool) (score float64, why string) {
	nx, ny := x.Elements(), y.Elements()
	switch {
	case of.count == 0 && nx == ny:
		return 1, fmt.Sprintf("%d positions", nx)
	case nx == of.count && ny == of.count:
		return 20, "as many as frames"
	case numbered && nx == ny:
		return 12, fmt.Sprintf("%d rows with the numbers of frames", nx)
	case nx*ny == of.count && (nx != ny || of.rows == nx):
		return 15, fmt.Sprintf("axes of a raster, %d and %d", nx, ny)
	case nx == ny && nx > of.count && of.count > 0:
		return 5, fmt.Sprintf("%d, more than frames", nx)
	}
	return 0, ""
}

// lacking notes an array of positions with too few for the frames.
func (s *Survey) lacking(place string, n int, of frames) {
	if s.short == "" && n > 1 && n < of.count {
		s.short = fmt.Sprintf("the likeliest array, %s, has %d for %d frames", place, n, of.count)
	}
}

// pointsIn is the number of points of an array (M, 2), (M, 3), (2, M) or of a raster of points; 0: it has none.
func pointsIn(e source.Entry) int {
	h := npz.Header{Dtype: e.Type}
	if e.Group || e.Fault != "" || len(e.Shape) < 2 || len(e.Shape) > 3 || !h.Real() || e.Elements() == 0 {
		return 0
	}
	few := func(n int) bool { return n == 2 || n == 3 }
	switch last := e.Shape[len(e.Shape)-1]; {
	case few(last):
		return e.Elements() / last
	case few(e.Shape[0]) && len(e.Shape) == 2:
		return last
	}
	return 0
}

// guessPoints takes an array of points for positions.
func (s *Survey) guessPoints(i int, e source.Entry, of frames) {
	n := pointsIn(e)
	named := wordScore(e.Path, strings.Fields(`positions position pos translation points encoder coordinates coords
		motors scan xy`), 6)
	score, also := 8+named, ""
	switch {
	case n < 2:
		return
	case of.count > 0 && n > of.count && named > 0: // an aborted scan
		score, also = 4, ", more than frames"
	case of.count > 0 && n != of.count:
		if named > 0 {
			s.lacking(e.Path, n, of)
		}
		return
	}
	values, err := s.Files[i].browser.Float64s(e.Path)
	if err != nil || !finite(values) || !varies(values) {
		return
	}
	columns := e.Shape[len(e.Shape)-1]
	numbered := columns == 3 && counts(values, columns)
	if numbered {
		values = without(values, columns)
	}
	unit, sure := s.unitFor(e, values, nil, of)
	g := Guess{
		Role: Positions, File: s.Files[i].Path, Paths: []string{e.Path}, score: score + 5*float64(i),
		Flags: []string{"--positions-file", s.inFile(i, e.Path)},
	}
	if numbered {
		also += ", numbered by the first column"
		g.Flags = append(g.Flags, "--x", "1", "--y", "2")
	}
	g.Why = fmt.Sprintf("%d points%s, %s %s; column before row is a guess", n, also, span(values), unit)
	if !sure {
		g.Flags = append(g.Flags, "--unit", unit)
		g.Why += ", the unit, too"
	}
	s.Guesses = append(s.Guesses, g)
}

// counts reports whether the first of some columns counts the rows, from any number.
func counts(values []float64, columns int) bool {
	for i := columns; i < len(values); i += columns {
		if values[i] != values[i-columns]+1 {
			return false
		}
	}
	return true
}

// without are the values of some columns without those of the first.
func without(values []float64, columns int) (rest []float64) {
	for row := range slices.Chunk(values, columns) {
		rest = append(rest, row[1:]...)
	}
	return rest
}

// unitFor is the unit of positions: the one that the file states, or else the one in which their steps fit the probe
// best.
func (s *Survey) unitFor(e source.Entry, x, y []float64, of frames) (unit string, sure bool) {
	if _, length := source.Metres(e.Units); length || isPixel(e.Units) {
		return e.Units, true
	}
	step := max(medianStep(x), medianStep(y))
	const usual = 300e-9 // metres, of a step in X-ray ptychography
	expected := usual
	if dx := s.objectPixel(of); dx > 0 {
		expected = dx * float64(of.width) / 10 // a tenth of the field of view of the probe
	}
	best := math.Inf(1)
	for _, u := range source.Units {
		size, length := source.Metres(string(u))
		if off := math.Abs(math.Log(step * size / expected)); length && off < best {
			best, unit = off, string(u)
		}
	}
	return cmp.Or(unit, "um"), false
}

// isPixel reports whether a unit is that of object pixels.
func isPixel(unit string) bool {
	unit = strings.ToLower(unit)
	return unit == "px" || strings.HasPrefix(unit, "pix")
}

// objectPixel is the width of an object pixel in metres, by the likeliest optics; 0 if something is not known.
func (s *Survey) objectPixel(of frames) float64 {
	energy, distance, pixel := s.best(Energy), s.best(Distance), s.best(Pixel)
	if energy == nil || distance == nil || pixel == nil || of.width == 0 {
		return 0
	}
	return source.Wavelength(energy.value) * distance.value / (float64(of.width) * 1e-6 * pixel.value)
}

// medianStep is the median of the differences of neighbours that are not 0.
func medianStep(values []float64) float64 {
	var steps []float64
	for i := 1; i < len(values); i++ {
		if d := math.Abs(values[i] - values[i-1]); d > 0 {
			steps = append(steps, d)
		}
	}
	if len(steps) == 0 {
		return 0
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// span is the range of values.
func span(values []float64) string {
	return fmt.Sprintf("%.4g to %.4g", slices.Min(values), slices.Max(values))
}

func varies(values []float64) bool {
	return slices.ContainsFunc(values, func(v float64) bool { return v != values[0] })
}

func finite(values []float64) bool {
	return !slices.ContainsFunc(values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
}
