package hdf5

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"
)

// mapping is one entry of a virtual dataset: which part of it comes from which part of another dataset.
type mapping struct {
	file, object string // as the file has them
	to, from     selection
	part         *Part // nil: lost
}

func (m mapping) describe() string { return m.object + " of " + m.file }

// sourceFrames are the frames of the part, numbered in it, and the rectangle of each. sound is the number of frames
// that the part has: its file may have ended early.
func (m mapping) sourceFrames(cell, wanted int) (frames, rectangle []stretch, sound int, ok bool) {
	lead := len(m.part.Shape) - cell
	if lead < 0 {
		return nil, nil, 0, false
	}
	dims := slices.Clone(m.part.Shape)
	dims[0] = max(dims[0], m.from.end())
	if frames, rectangle, ok = m.from.frames(dims, cell); !ok {
		return nil, nil, 0, false
	}
	sound = int(product(1, m.part.Shape[:lead]))
	if lead == 0 && dims[0] > m.part.Shape[0] {
		sound = 0
	}
	if n := frameCount(frames); m.from.isAll() && n < wanted && lead > 0 {
		frames = append(frames, stretch{n, wanted - n})
	}
	return frames, rectangle, sound, true
}

// Values of the library's enumerations and limits.
const (
	selectedAll        = 3
	selectedHyperslabs = 2
	unlimited          = ^uint64(0)
)

// mostMappings is the number of entries that all virtual datasets of a tree may have.
const mostMappings = 1 << 20

// mappings reads the entries of a virtual dataset.
func (d *Dataset) mappings(properties id) ([]mapping, error) {
	l := d.file.library
	var count uintptr
	if l.h5Pget_virtual_count(properties, &count) < 0 {
		return nil, d.unreadable()
	}
	if d.file.tree.mappings += int(min(count, mostMappings+1)); d.file.tree.mappings > mostMappings {
		return nil, d.refuse("virtual datasets of too many pieces", fmt.Sprintf("%d or fewer", mostMappings))
	}
	maps := make([]mapping, count)
	for i := range maps {
		if err := d.mapping(properties, uintptr(i), &maps[i]); err != nil {
			return nil, err
		}
	}
	return maps, nil
}

func (d *Dataset) mapping(properties id, i uintptr, m *mapping) (err error) {
	l := d.file.library
	if m.file, err = d.virtualName(properties, i, l.h5Pget_virtual_filename); err != nil {
		return err
	}
	if m.object, err = d.virtualName(properties, i, l.h5Pget_virtual_dsetname); err != nil {
		return err
	}
	to, from := l.h5Pget_virtual_vspace(properties, i), l.h5Pget_virtual_srcspace(properties, i)
	defer l.h5Sclose(to)
	defer l.h5Sclose(from)
	var ok, also bool
	m.to, ok = l.selection(to)
	if m.from, also = l.selection(from); !ok || !also {
		return d.refuse("a virtual dataset with an irregular or unlimited selection, of "+m.describe(),
			"regular parts of a fixed size")
	}
	return nil
}

// virtualName reads a name of an entry. In these names, %% is a percent sign, and %b a number that counts files.
func (d *Dataset) virtualName(
	properties id, i uintptr, get func(properties id, i uintptr, name unsafe.Pointer, size uintptr) int,
) (string, error) {
	const most = 1 << 16
	length := get(properties, i, nil, 0)
	if length < 0 || length > most {
		return "", d.unreadable()
	}
	raw := make([]byte, length+1)
	get(properties, i, unsafe.Pointer(&raw[0]), uintptr(len(raw)))
	name, ok := plainName(string(raw[:length]))
	if !ok {
		return "", d.refuse("a virtual dataset of files or datasets with numbered names, "+string(raw[:length]),
			"one entry for each file")
	}
	return name, nil
}

// plainName replaces %% by a percent sign. It fails if another character follows a percent sign, such as b.
func plainName(name string) (string, bool) {
	plain := strings.ReplaceAll(name, "%%", "")
	return strings.ReplaceAll(name, "%%", "%"), !strings.Contains(plain, "%b")
}

// selection reads the selection of a dataspace, if it is regular and has an end. Of the source of a virtual dataset,
// the file holds the selection but no shape.
func (a *api) selection(space id) (s selection, ok bool) {
	switch a.h5Sget_select_type(space) {
	case selectedAll:
		return selection{}, true
	case selectedHyperslabs:
		const most = 32 // axes
		n := a.h5Sget_simple_extent_ndims(space)
		if n < 1 || n > most || a.h5Sis_regular_hyperslab(space) <= 0 {
			return s, false
		}
		s = selection{make([]uint64, n), make([]uint64, n), make([]uint64, n), make([]uint64, n)}
		if a.h5Sget_regular_hyperslab(space, &s.start[0], &s.stride[0], &s.count[0], &s.block[0]) < 0 {
			return s, false
		}
		return s, !slices.Contains(s.count, unlimited) && !slices.Contains(s.block, unlimited)
	}
	return s, false
}

// findParts finds the dataset of each mapping. One that does not exist is lost.
func (d *Dataset) findParts(maps []mapping, depth int) error {
	if depth >= mostFiles {
		return d.refuse(fmt.Sprintf("virtual datasets of virtual datasets, more than %d deep or in a ring", mostFiles),
			"the values themselves")
	}
	type place struct{ file, object string }
	known := map[place]*Part{}
	for i := range maps {
		m := &maps[i]
		at := place{m.file, m.object}
		p, seen := known[at]
		if !seen {
			var err error
			if p, err = d.findPart(*m, depth); err != nil {
				return err
			}
			known[at] = p
		}
		m.part = p
	}
	return nil
}

// findPart finds the dataset of a mapping; nil if it does not exist.
func (d *Dataset) findPart(m mapping, depth int) (*Part, error) {
	var f *File
	var err error
	if m.file == "." {
		f, err = d.file.tree.use(d.file.path, d.file.real)
	} else {
		f, err = d.file.linked(d.Path, m.file)
	}
	var at *File
	var real string
	if err == nil {
		at, real, err = f.resolve(m.object)
	}
	if errors.Is(err, errAbsent) || errors.Is(err, ErrNoFile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p, err := at.describe(real, depth+1)
	if err != nil {
		return nil, err
	}
	if !sameKind(d.Type, p.Type) {
		return nil, fault(d.file.path, d.Path, "a virtual dataset of "+d.Type.String()+" from "+p.Type.String()+
			" of "+m.describe(), "numbers from numbers", "", nil)
	}
	return p, nil
}

// describe describes the dataset at a path without links. depth is that of openDataset.
func (f *File) describe(object string, depth int) (*Part, error) {
	p := &Part{name: f.path, file: f.real, object: object}
	source := f.tree.virtuals[p.key()]
	if source == nil {
		var err error
		if source, err = f.part(object, depth); err != nil {
			return nil, err
		}
	}
	p.Shape, p.Type, p.chunk = source.Shape, source.Type, source.chunk
	return p, nil
}

// sameKind reports whether values of one type can be read as those of the other.
func sameKind(a, b Type) bool {
	number := func(t Type) bool { return t.Class == Integer || t.Class == Float }
	return number(a) && number(b) || a.Class == Complex && b.Class == Complex && a.real == b.real
}
