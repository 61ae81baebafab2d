package source

import (
	"ptyx/internal/base/ndarray"
)

// Images describes patterns that do not come from a file but one by one, from a detector.
type Images struct {
	Address       string // where they come from, for messages
	Type          string // of an element, as numpy writes it: u2
	Height, Width int
	First         []float32 // (Height, Width), the first of them
	Facts         Facts     // that the detector states
}

// FromImages gives the first of the images as the array of patterns, (1, Height, Width). Its facts and type hold for
// all of them.
func FromImages(i Images) *Source {
	first := sliced{
		file: i.Address, place: "images", dtype: "<" + i.Type, shape: []int{1, i.Height, i.Width}, direct: true,
		rows: func(dst []float32, _, _ int) error {
			copy(dst, i.First)
			return nil
		},
	}
	s := &Source{
		Facts: i.Facts, file: noFile(i.Address),
		members: map[string]member{Patterns: {place: first.place, array: first}},
	}
	s.Facts.Bad = cloned(i.Facts.Bad)
	return s
}

func cloned(a *ndarray.Float32) *ndarray.Float32 {
	if a == nil {
		return nil
	}
	return a.Clone()
}

// noFile is a container without arrays at the address of a detector.
type noFile string

func (f noFile) Path() string                                           { return string(f) }
func (noFile) Close() error                                             { return nil }
func (noFile) Names() ([]string, error)                                 { return nil, nil }
func (noFile) Has(string) (bool, error)                                 { return false, nil }
func (noFile) open(string) (array, error)                               { return nil, nil }
func (noFile) arrays() (map[string]array, error)                        { return nil, nil }
func (noFile) attribute(string, string) (v float64, b bool, err error)  { return 0, false, nil }
func (noFile) attributeText(string, string) (v string, b bool, e error) { return "", false, nil }
func (noFile) inside(string) (names []string, group bool, err error)    { return nil, false, nil }
