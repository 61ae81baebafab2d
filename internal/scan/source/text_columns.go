package source

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/table"
)

// textColumns is a text file of columns: positions, which may have the numbers of their frames beside them.
var textColumns = layout{
	name:      "columns of text",
	recognise: func(r *reader) bool { return r.isTable() },
	read: func(r *reader) {
		t := r.file.(tableFile)
		numbers := slices.IndexFunc(t.Table.Names(), IsNumber)
		x, y := -1, -1
		if r.options.X == "" && r.options.Y == "" {
			x, y, numbers = r.findAxes(t, numbers)
		}
		r.Facts.Partial = true
		if numbers >= 0 && r.err == nil {
			r.numberFrames(t, numbers)
		}
		if x < 0 || r.err != nil {
			return
		}
		all, err := t.Columns(x, y)
		r.keep(err)
		if err != nil {
			return
		}
		names := t.Table.Names()
		r.members[X] = member{place: names[x], values: all[0]}
		r.members[Y] = member{place: names[y], values: all[1]}
		if r.options.Unit == "" {
			r.scalePositions("")
		}
	},
}

// findAxes finds the columns of x and y by their names; those of a file without names by their order, of which the
// first one counts the frames if there are three and it counts. x is -1 after an error.
func (r *reader) findAxes(t tableFile, numbers int) (x, y, frames int) {
	names := t.Table.Names()
	if t.Named() {
		if p, ok := likeliest(PairsIn(names)); ok {
			return slices.Index(names, p.X), slices.Index(names, p.Y), numbers
		}
	}
	switch {
	case t.Named() || len(names) > 3:
		shown := make([]string, len(names))
		for i, name := range names {
			shown[i] = fmt.Sprintf("%s (%s)", name, t.Sample()[i])
		}
		r.keep(&badinput.Error{
			File: r.Path(), Found: "columns " + listed(shown), Expected: "one pair of columns x and y",
			Remedy: "name the columns by --x and --y",
		})
		return -1, -1, -1
	case len(names) == 2:
		return 0, 1, -1
	}
	first, err := t.Columns(0)
	r.keep(err)
	if err != nil {
		return -1, -1, -1
	}
	for i, v := range first[0] {
		if v != first[0][0]+float64(i) || v != math.Trunc(v) {
			return 0, 1, -1
		}
	}
	return 1, 2, 0
}

// numberFrames reads the numbers of the frames.
func (r *reader) numberFrames(t tableFile, column int) {
	a, err := t.open(t.Table.Names()[column])
	r.keep(err)
	if err != nil {
		return
	}
	_, err = a.Int64s()
	r.keep(err)
	r.members[PositionIndex] = member{place: t.Table.Names()[column], array: a}
}

func (r *reader) isTable() bool { _, is := r.file.(tableFile); return is }

// tableFile is a table as a container of its columns.
type tableFile struct{ *table.Table }

func (f tableFile) Names() ([]string, error)      { return f.Table.Names(), nil }
func (f tableFile) Close() error                  { return nil }
func (f tableFile) Has(path string) (bool, error) { return f.Find(path) >= 0, nil }

func (f tableFile) open(path string) (array, error) {
	at := f.Find(path)
	all, err := f.Columns(at)
	if err != nil {
		return nil, err
	}
	return column{f.Path(), f.Table.Names()[at], all[0]}, nil
}

func (f tableFile) arrays() (map[string]array, error)                       { return nil, nil }
func (f tableFile) attribute(string, string) (float64, bool, error)         { return 0, false, nil }
func (f tableFile) attributeText(string, string) (string, bool, error)      { return "", false, nil }
func (f tableFile) inside(string) (names []string, group bool, fault error) { return nil, false, nil }

// column is a column of a table, (M,).
type column struct {
	file, name string
	values     []float64
}

func (c column) Header() (npz.Header, error) {
	return npz.Header{Dtype: "<f8", Shape: []int{len(c.values)}}, nil
}

func (c column) Float64s() ([]float64, error) { return slices.Clone(c.values), nil }

func (c column) Int64s() ([]int64, error) {
	numbers := make([]int64, len(c.values))
	for i, v := range c.values {
		if numbers[i] = int64(v); float64(numbers[i]) != v {
			return nil, &badinput.Error{
				File: c.file, Key: c.name, Found: fmt.Sprintf("%v in row %d", v, i), Expected: "whole numbers",
			}
		}
	}
	return numbers, nil
}

func (c column) Float32() (*ndarray.Float32, error) {
	values := make([]float32, len(c.values))
	for i, v := range c.values {
		values[i] = float32(v)
	}
	return ndarray.Wrap(values, len(values)), nil
}

// fault is the error for what a column cannot be.
func (c column) fault(expected string) error {
	return &badinput.Error{File: c.file, Key: c.name, Found: "a column of text", Expected: expected}
}

func (c column) Complex64() (*ndarray.Complex64, error) { return nil, c.fault("complex values") }
func (c column) Text() (string, error)                  { return "", c.fault("one text") }
func (c column) Stream(...int) (Stream, error)          { return nil, c.fault("patterns") }
func (c column) Pairs() (Stream, error)                 { return nil, c.fault("complex values") }
func (c column) Direct(...int) (Direct, error)          { return nil, c.fault("patterns") }
func (c column) DirectPairs() (Direct, error)           { return nil, c.fault("complex values") }

// average makes one position of the rows of each frame, which are samples during its exposure. It keeps the order in
// which the frames come.
func (r *reader) average() {
	m, numbered := r.members[PositionIndex]
	if r.err != nil || !numbered || !r.isTable() || r.members[X].values == nil {
		return
	}
	numbers, err := m.array.Int64s()
	r.keep(err)
	if err != nil {
		return
	}
	place := map[int64]int{}
	var unique, counts []float64
	for _, n := range numbers {
		if _, known := place[n]; !known {
			place[n] = len(unique)
			unique, counts = append(unique, float64(n)), append(counts, 0)
		}
		counts[place[n]]++
	}
	if len(unique) == len(numbers) {
		return
	}
	for _, key := range []string{X, Y} {
		all := r.members[key]
		means := make([]float64, len(unique))
		for i, n := range numbers {
			means[place[n]] += all.values[i]
		}
		for i := range means {
			means[i] /= counts[i]
		}
		all.values = means
		r.members[key] = all
	}
	r.members[PositionIndex] = member{place: m.place, array: column{r.Path(), m.place, unique}}
	r.Facts.Remarks = append(r.Facts.Remarks, fmt.Sprintf(
		"%d rows of positions have the numbers of %d frames in %s: rows of one number are averaged",
		len(numbers), len(unique), strings.TrimSpace(m.place)))
}
