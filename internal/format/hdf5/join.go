package hdf5

import (
	"errors"
	"fmt"
	"slices"
)

// Piece is a dataset to join, and the frame that it begins with.
type Piece struct {
	Part  *Part // nil: a lost one
	First int
	Count int    // of a lost one
	File  string // of a lost one, for messages
}

// Part describes the dataset at a path, for Join. It is nil if the path leads to nothing or to a file that does not
// exist.
func (f *File) Part(name string) (*Part, error) {
	defer f.library.enter()()
	at, real, err := f.resolve(name)
	if errors.Is(err, errAbsent) || errors.Is(err, ErrNoFile) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return at.describe(real, 0)
}

// Join makes one dataset of pieces, which are in order along the first axis and hold frames of one shape. name is that
// of the new dataset, for messages. It reads like a virtual dataset: of its files, few are open at a time.
func (f *File) Join(name string, frames int, pieces []Piece) (*Dataset, error) {
	d := &Dataset{Path: name, file: f, id: -1}
	v := &virtual{frames: frames}
	var maps []mapping
	for _, p := range pieces {
		if p.Part == nil {
			v.runs = append(v.runs, run{stretch: stretch{p.First, p.Count}, file: p.File})
			continue
		}
		shape := p.Part.Shape
		if d.Shape == nil {
			if len(shape) == 0 {
				return nil, fault(p.Part.name, p.Part.object, "a single value", "an array", "", nil)
			}
			d.Shape, d.Type, v.cell = append([]int{frames}, shape[1:]...), p.Part.Type, len(shape)-1
		}
		if len(shape) != len(d.Shape) || !slices.Equal(shape[1:], d.Shape[1:]) || !sameKind(d.Type, p.Part.Type) {
			return nil, fault(p.Part.name, p.Part.object, fmt.Sprintf("shape %v of %s", shape, p.Part.Type),
				fmt.Sprintf("frames of shape %v of %s, as before", d.Shape[1:], d.Type), "", nil)
		}
		to := stretch{p.First, shape[0]}
		whole := selection{}
		_, rectangle, _ := whole.frames(d.Shape, v.cell)
		v.runs = append(v.runs, run{stretch: to, part: p.Part, to: rectangle, from: rectangle})
		maps = append(maps, mapping{part: p.Part})
	}
	if d.Shape == nil {
		return nil, fault(f.path, name, "no file of all that the links name", "one at least", "copy the files there",
			nil)
	}
	if product(1, d.Shape) > mostElements {
		return nil, d.refuse(fmt.Sprintf("datasets of shape %v together", d.Shape), "one that files can hold")
	}
	if err := v.checkOverlap(d); err != nil {
		return nil, err
	}
	v.finish(d, maps)
	d.virtual = v
	return d, nil
}
