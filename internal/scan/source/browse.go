package source

import (
	"path"
	"strconv"
	"strings"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
	"ptyx/internal/format/table"
)

// Entry is an array, a group or a link of a file.
type Entry struct {
	Path    string   `json:"path"`
	Group   bool     `json:"group"`
	Link    string   `json:"link,omitempty"`    // where a link leads
	Type    string   `json:"type,omitempty"`    // of an array's elements, as numpy writes it
	Shape   []int    `json:"shape,omitempty"`   // of an array; none for a single value
	Chunk   []int    `json:"chunk,omitempty"`   // of an array in chunks
	Filters []string `json:"filters,omitempty"` // that pack it
	Parts   int      `json:"parts,omitempty"`   // of a virtual dataset
	Units   string   `json:"units,omitempty"`
	Value   string   `json:"value,omitempty"`  // of a single number or text
	Number  *float64 `json:"number,omitempty"` // the same, of a number
	Fault   string   `json:"fault,omitempty"`  // why it cannot be read
}

// Elements is the number of an array's elements.
func (e Entry) Elements() int { return ndarray.Size(e.Shape) }

// Browser lists what a file holds, whatever its layout.
type Browser struct {
	file container
	rows int // of a table, once they are counted
}

// IsData reports whether a file is of a format that Browse opens, by its first bytes.
func IsData(path string) bool {
	if IsHDF5(path) || isText(path) {
		return true
	}
	if file, found, err := openStack(path); found {
		if err == nil {
			_ = file.Close() // read only
		}
		return true
	}
	file, err := openNumPy(path)
	if err != nil {
		return false
	}
	_ = file.Close()
	return true
}

// Browse opens a file of any format that holds arrays.
func Browse(path string, o Options) (*Browser, error) {
	if isText(path) {
		t, err := table.Open(path)
		if err != nil {
			return nil, err
		}
		return &Browser{file: tableFile{t}}, nil
	}
	if !IsHDF5(path) {
		if file, found, err := openStack(path); found {
			return &Browser{file: file}, err
		}
		file, err := openNumPy(path)
		if err != nil {
			return nil, expectAnyFormat(err)
		}
		return &Browser{file: npzFile{file}}, nil
	}
	l, err := hdf5.Load(o.Library)
	if err != nil {
		return nil, err
	}
	file, err := l.Open(path, o.folders()...)
	if err != nil {
		return nil, err
	}
	return &Browser{file: hdf5File{file, o.Library}}, nil
}

// Close closes the file.
func (b *Browser) Close() error { return b.file.Close() }

// Text reports whether the file is a table of text.
func (b *Browser) Text() bool { _, is := b.file.(tableFile); return is }

// Float64s reads a real array.
func (b *Browser) Float64s(path string) ([]float64, error) {
	a, err := b.file.open(path)
	if err != nil {
		return nil, err
	}
	return a.Float64s()
}

// Walk calls do with the entries of the file, a group before what it holds, until do returns false. It does not enter a
// group through a soft link, which leads to another place of the file, nor more than a few groups deep, as hard links
// may be in a ring.
func (b *Browser) Walk(do func(e Entry) bool) error {
	names, err := b.file.Names()
	if err != nil {
		return err
	}
	const deepest = 16
	b.walk("", names, deepest, do)
	return nil
}

func (b *Browser) walk(group string, names []string, depth int, do func(e Entry) bool) bool {
	for _, name := range names {
		e := b.entry(path.Join(group, name))
		if !do(e) {
			return false
		}
		if !e.Group || depth == 0 || e.Link != "" && !strings.Contains(e.Link, ":") {
			continue
		}
		inside, _, err := b.file.inside(e.Path)
		if err == nil && !b.walk(e.Path, inside, depth-1, do) {
			return false
		}
	}
	return true
}

// entry describes one object.
func (b *Browser) entry(place string) Entry {
	e := Entry{Path: place}
	if t, is := b.file.(tableFile); is {
		e.Units = UnitOfName(place)
		if !t.Numeric(t.Find(place)) {
			e.Type, e.Value = "|S", "text"
			return e
		}
		e.Type, e.Fault = "<f8", b.countRows(t)
		e.Shape = []int{b.rows}
		return e
	}
	if f, is := b.file.(hdf5File); is {
		of, err := f.Describe(place)
		e.Group, e.Link, e.Shape, e.Chunk, e.Filters, e.Parts = of.Group, of.Link, of.Shape, of.Chunk, of.Filters,
			of.Parts
		if err != nil {
			e.Fault = err.Error()
			return e
		}
		if e.Group {
			return e
		}
		e.Type = of.Type.Numpy()
		if of.Type.Class == hdf5.Compound || of.Type.Class == hdf5.Other {
			e.Value = of.Type.String()
			return e
		}
	} else {
		a, err := b.file.open(place)
		if err == nil {
			var h npz.Header
			h, err = a.Header()
			e.Type, e.Shape = h.Dtype, h.Shape
		}
		if err != nil {
			e.Fault = err.Error()
			return e
		}
	}
	b.describeUnits(&e)
	b.describeValue(&e)
	return e
}

// countRows counts the rows of a table, once. It returns the fault of a column that cannot be read.
func (b *Browser) countRows(t tableFile) string {
	if b.rows > 0 {
		return ""
	}
	for i := range t.Table.Names() {
		if t.Numeric(i) {
			all, err := t.Columns(i)
			if err != nil {
				return err.Error()
			}
			b.rows = len(all[0])
			return ""
		}
	}
	return ""
}

// describeUnits reads the unit that an array states, or that its name ends with.
func (b *Browser) describeUnits(e *Entry) {
	for _, name := range []string{"units", "unit"} {
		if text, present, err := b.file.attributeText(e.Path, name); err == nil && present {
			e.Units = text
			return
		}
	}
	e.Units = UnitOfName(path.Base(e.Path))
}

// describeValue reads a single value.
func (b *Browser) describeValue(e *Entry) {
	if e.Elements() != 1 || len(e.Shape) > 2 {
		return
	}
	a, err := b.file.open(e.Path)
	if err != nil {
		e.Fault = err.Error()
		return
	}
	h, err := a.Header()
	switch {
	case err != nil:
	case h.Text():
		if text, err := a.Text(); err == nil {
			e.Value = strconv.Quote(shortened(text))
		}
	case h.Real():
		if v, err := a.Float64s(); err == nil && len(v) == 1 {
			e.Number, e.Value = &v[0], strconv.FormatFloat(v[0], 'g', 7, 64)
		}
	}
}

// shortened is a text for one line.
func shortened(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}
