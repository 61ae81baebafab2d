package source

import (
	"fmt"
	"path"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// Options say how to open a file.
type Options struct {
	Library     string // path of the HDF5 library, as for hdf5.Load; empty: searched
	FollowLinks string // a folder that HDF5 files may link into, besides their own; empty: none
	Positions   bool   // the file is that of the positions, which may be text
	Stated      Stated // what the user states, so that the file's own is not read
	Places
}

// Places say where arrays are in a file, for a file that no layout describes or whose layout is another one. A place is
// a path in an HDF5 file or the name of an array in an NPZ file. An empty one leaves the array to the file's layout.
type Places struct {
	Patterns string // (M, H, W), or a raster (A, B, H, W)
	Points   string // positions: (M, 2 or more), (2, M), or a group that holds X and Y
	X, Y     string // arrays of any shape; with Points, names in its group or numbers of its columns, from 0
	Unit     Unit   // of the positions; empty: as the file states it
	Mask     string // (H, W), above 0 where a pixel is masked; Sole: the only array of the file
	Probe    string // (..., N, N); Sole: the only array of the file
	Object   string // (..., H, W); Sole: the only array of the file
}

// Stated are the numbers that a user states.
type Stated struct{ Energy, Distance, Pixel bool }

// Sole is the place of an array that is alone in its file, if the file's layout does not give it.
const Sole = "*"

// Split divides FILE[:PATH] at the first colon behind the name of an existing file, as names and paths may have colons
// of their own. file is empty for :PATH.
func Split(value string, exists func(path string) bool) (file, place string) {
	if exists(value) {
		return value, ""
	}
	for i, c := range value {
		if c == ':' && (i == 0 || exists(value[:i])) {
			return value[:i], value[i+1:]
		}
	}
	return value, ""
}

// place gives the arrays at the places the names of the contract, in place of those of the layout.
func (r *reader) place() {
	p := r.options.Places
	if p.Patterns != "" {
		if a := r.at(p.Patterns); a != nil {
			if r.members[Patterns].place != p.Patterns {
				r.Facts.Kind = r.kindOf(p.Patterns)
			}
			delete(r.members, PatternsAlias)
			r.members[Patterns] = member{place: p.Patterns, array: r.asPatterns(a)}
		}
	}
	r.placePositions(p)
	if p.Mask != "" && (p.Mask != Sole || r.Facts.Bad == nil) {
		if name := r.sole(p.Mask, "mask"); name != "" && r.at(name) != nil {
			r.Facts.Bad = r.bad(name)
		}
	}
	r.placeField(Probe, p.Probe)
	r.placeField(Object, p.Object)
}

// placeField gives a complex array at a place the name of a probe or an object.
func (r *reader) placeField(key, place string) {
	if place == "" || place == Sole && r.Has(key) {
		return
	}
	name := r.sole(place, key)
	if a := r.at(name); a != nil {
		r.members[key] = member{place: name, array: a}
	}
}

// bad reads a mask. Where most pixels are marked, the marks are those of the good ones, as programs in Python write it:
// no detector has lost half of its pixels.
func (r *reader) bad(place string) *ndarray.Float32 {
	mask := r.image(place)
	if mask == nil {
		return nil
	}
	marked := 0
	for _, v := range mask.Data {
		if v != 0 {
			marked++
		}
	}
	if 2*marked <= len(mask.Data) {
		return mask
	}
	for i, v := range mask.Data {
		mask.Data[i] = 0
		if v == 0 {
			mask.Data[i] = 1
		}
	}
	r.remark(fmt.Sprintf("the mask %s marks %d of %d pixels, so these are taken as the good ones",
		place, marked, len(mask.Data)))
	return mask
}

// kindOf is what patterns at a place are that the layout does not know. A detector writes counts, also as floats.
// Programs write amplitudes, and name them so; NPZ files of programs hold both.
func (r *reader) kindOf(place string) Kind {
	switch {
	case strings.Contains(strings.ToLower(path.Base(place)), "amp"):
		return Amplitudes
	case r.isNPZ():
		return Unstated
	}
	return Counts
}

// sole is the name of the file's only array if place is Sole; else place.
func (r *reader) sole(place, key string) string {
	if place != Sole || r.err != nil {
		return place
	}
	names, err := r.file.Names()
	r.keep(err)
	if len(names) == 1 {
		return names[0]
	}
	r.keep(&badinput.Error{
		File: r.Path(), Key: key, Found: "no array of this name, only " + listed(names), Expected: "one",
		Remedy: "name the array behind a colon, as in " + r.Path() + ":NAME",
	})
	return ""
}

// at opens the array at a place that must be there; nil after an error.
func (r *reader) at(place string) array {
	if r.err != nil {
		return nil
	}
	there, err := r.file.Has(place)
	r.keep(err)
	if err != nil {
		return nil
	}
	if !there {
		r.absent(place)
		return nil
	}
	if names, group := r.inside(place); group {
		r.fail(place, "a group with "+listed(names), "an array", "give the path of an array in it")
	}
	if r.err != nil {
		return nil
	}
	a, err := r.file.open(place)
	r.keep(err)
	if err != nil {
		return nil
	}
	return a
}

// absent keeps the error for a place where nothing is. It lists what its deepest existing group holds.
func (r *reader) absent(place string) {
	near := path.Dir(path.Clean("/" + place))
	for near != "/" {
		if there, err := r.file.Has(near); err != nil || there {
			break
		}
		near = path.Dir(near)
	}
	names, group := r.inside(near)
	if near == "/" || !group {
		near = "the file"
		var err error
		names, err = r.file.Names()
		r.keep(err)
	}
	r.fail(place, "nothing of this name; "+near+" has "+listed(names), "an array",
		"ptyx inspect "+r.Path()+" lists all arrays")
}

// inside lists a group; group is false if the place is an array.
func (r *reader) inside(place string) (names []string, group bool) {
	if r.err != nil {
		return nil, false
	}
	names, group, err := r.file.inside(place)
	r.keep(err)
	return names, group && err == nil
}
