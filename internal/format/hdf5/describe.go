package hdf5

import (
	"cmp"
	"path"
	"unsafe"
)

// Entry describes an object of a file without reading its values, also one that cannot be read.
type Entry struct {
	Group   bool
	Link    string // where a soft or an external link leads, the latter as FILE:PATH; empty: it is no link
	Outside bool   // the link leads to another file
	Type    Type
	Shape   []int
	Chunk   []int    // nil: not chunked
	Filters []string // by which the values are packed
	Parts   int      // of a virtual dataset; 0: it is none
}

// Describe describes the object at a path. The error says why an object cannot be described; the link is known also
// then.
func (f *File) Describe(name string) (e Entry, err error) {
	l := f.library
	defer l.enter()()
	clean := path.Clean("/" + name)
	if clean != "/" {
		parent, real, err := f.resolve(path.Dir(clean))
		if err == nil {
			e.Link, e.Outside = parent.leads(path.Join(real, path.Base(clean)))
		}
	}
	_, object, _, err := f.openObject(name)
	if err != nil {
		return e, err
	}
	defer l.h5Oclose(object)
	if e.Group = l.h5Iget_type(object) == objectGroup; e.Group || l.h5Iget_type(object) != objectDataset {
		return e, nil
	}
	properties, of := l.h5Dget_create_plist(object), l.h5Dget_type(object)
	defer l.h5Pclose(properties)
	defer l.h5Tclose(of)
	e.Type = l.describe(of)
	e.Filters = l.filterNames(properties)
	layout := l.h5Pget_layout(properties)
	if layout == layoutVirtual && l.endless(properties) { // the library would open its files to know the shape
		return e, fault(f.path, name, "a virtual dataset without an end", "parts of a fixed size", "", nil)
	}
	space := l.h5Dget_space(object)
	defer l.h5Sclose(space)
	e.Shape, _, err = f.extent(name, space)
	switch layout {
	case layoutChunked:
		var dims [32]uint64 // more than a dataset may have
		for _, n := range dims[:max(0, int(l.h5Pget_chunk(properties, int32(len(dims)), &dims[0])))] {
			e.Chunk = append(e.Chunk, int(n))
		}
	case layoutVirtual:
		var parts uintptr
		if l.h5Pget_virtual_count(properties, &parts) >= 0 {
			e.Parts = int(parts)
		}
	}
	return e, err
}

// endless reports whether an entry of a virtual dataset is irregular or without an end.
func (a *api) endless(properties id) bool {
	var parts uintptr
	if a.h5Pget_virtual_count(properties, &parts) < 0 || parts > mostMappings {
		return true
	}
	for i := range parts {
		space := a.h5Pget_virtual_vspace(properties, i)
		_, regular := a.selection(space)
		a.h5Sclose(space)
		if !regular {
			return true
		}
	}
	return false
}

// leads is where a link of this name leads; empty for a hard link.
func (f *File) leads(name string) (target string, outside bool) {
	kind, size, err := f.link(name)
	if err != nil {
		return "", false
	}
	switch kind {
	case linkIsSoft:
		target, _ = f.target(name, size)
	case linkExternal:
		value, _ := f.value(name, size)
		file, place, _ := parseExternal(value)
		return file + ":" + place, true
	}
	return target, false
}

// standardFilters are those of the library itself.
var standardFilters = map[int32]string{1: "gzip", 2: "shuffle", 3: "fletcher32", 5: "nbit", 6: "scaleoffset"}

// filterNames are the filters of a dataset, in the order in which they pack.
func (a *api) filterNames(properties id) (names []string) {
	for n := range uint32(max(0, a.h5Pget_nfilters(properties))) {
		var flags, config uint32
		count := uintptr(0)
		label := make([]byte, 64)
		number := a.h5Pget_filter2(properties, n, &flags, &count, nil, uintptr(len(label)-1),
			unsafe.Pointer(&label[0]), &config)
		if number >= 0 {
			own := text(unsafe.Pointer(&label[0]))
			names = append(names, cmp.Or(standardFilters[number], filterOf(number).name, own, "unnamed"))
		}
	}
	return names
}
