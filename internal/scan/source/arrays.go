package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// container is an open file of named arrays: NPZ or HDF5.
type container interface {
	Path() string
	Close() error
	// Names are those at the root of the file.
	Names() ([]string, error)
	Has(path string) (bool, error)
	// open opens the array at a path that is there.
	open(path string) (array, error)
	// arrays opens all arrays of numbers and strings at the root.
	arrays() (map[string]array, error)
	// attribute reads a number that an object of the file may carry.
	attribute(object, name string) (value float64, present bool, err error)
	// attributeText reads a text that an object of the file may carry.
	attributeText(object, name string) (value string, present bool, err error)
	// inside lists the names in the group at a path that is there; group is false of an array.
	inside(path string) (names []string, group bool, err error)
}

// array is one array of an open file.
type array interface {
	Header() (npz.Header, error)
	Float32() (*ndarray.Float32, error)
	Float64s() ([]float64, error)
	Int64s() ([]int64, error)
	Complex64() (*ndarray.Complex64, error)
	Text() (string, error)
	Stream(axes ...int) (Stream, error)
	Pairs() (Stream, error)
	Direct(axes ...int) (Direct, error)
	DirectPairs() (Direct, error)
}

// Stream fills dst with as many slices as it holds and returns how many; 0 and io.EOF at the end.
type Stream interface {
	Next(dst []float32) (int, error)
	Close() error
}

// Skipper is a Stream that skips n slices without reading them.
type Skipper interface{ Skip(n int) }

// Direct fills dst with slice i.
type Direct interface {
	Read(i int, dst []float32) error
}

// member is an array under a name of the contract: one of the file, or values that were made of one.
type member struct {
	place  string    // the file's own name of it
	array            // nil: values, or absent
	values []float64 // (M,)
	unit   float64   // by which the layout multiplied the file's own numbers to make values; 0: by nothing
}

func (m member) present() bool { return m.array != nil || m.values != nil }

// Path is the file's path as it was given.
func (s *Source) Path() string { return s.file.Path() }

// Close closes the file; its streams end with it.
func (s *Source) Close() error { return s.file.Close() }

// Has reports whether the file has the array.
func (s *Source) Has(key string) bool { return s.members[key].present() }

// Place is the file's own name of the array, for messages.
func (s *Source) Place(key string) string {
	if m, ok := s.members[key]; ok {
		return m.place
	}
	return key
}

// Keys are the file's own names of what it holds, for messages.
func (s *Source) Keys() []string {
	names, err := s.file.Names()
	if err != nil {
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(s.members)) {
		place := strings.Trim(s.members[key].place, "/")
		if strings.Contains(place, "/") && !slices.Contains(names, place) {
			at, _ := slices.BinarySearch(names, place) // only HDF5 files have such places, and names in order
			names = slices.Insert(names, at, place)
		}
	}
	return names
}

// Fault is a *badinput.Error about an array, or about another place of the file.
func (s *Source) Fault(key, found, expected, remedy string) error {
	return &badinput.Error{File: s.Path(), Key: s.Place(key), Found: found, Expected: expected, Remedy: remedy}
}

// read reads an array that must be there.
func read[T any](s *Source, key string, from func(array) (T, error)) (T, error) {
	var none T
	m := s.members[key]
	switch {
	case !m.present():
		return none, s.Fault(key, "no array of this name", "one", "add it, or give another file")
	case m.array == nil:
		return none, fmt.Errorf("source: %s of %s is read as more than a list of numbers", key, s.Path())
	}
	return from(m.array)
}

// Header describes an array as numpy would.
func (s *Source) Header(key string) (npz.Header, error) {
	if m := s.members[key]; m.values != nil {
		return npz.Header{Dtype: "<f8", Shape: []int{len(m.values)}}, nil
	}
	return read(s, key, array.Header)
}

// Float64s reads a real array, flattened in C order.
func (s *Source) Float64s(key string) ([]float64, error) {
	if m := s.members[key]; m.values != nil {
		return slices.Clone(m.values), nil
	}
	return read(s, key, array.Float64s)
}

// Float32 reads a real array.
func (s *Source) Float32(key string) (*ndarray.Float32, error) { return read(s, key, array.Float32) }

// Int64s reads an array of whole numbers, flattened in C order.
func (s *Source) Int64s(key string) ([]int64, error) { return read(s, key, array.Int64s) }

// Complex64 reads a complex array, or a real one with imaginary part 0.
func (s *Source) Complex64(key string) (*ndarray.Complex64, error) {
	return read(s, key, array.Complex64)
}

// String reads an array of one string.
func (s *Source) String(key string) (string, error) { return read(s, key, array.Text) }

// Stream delivers slices along the leading axis of a real array. axes, if given, permutes its axes as numpy.transpose.
func (s *Source) Stream(key string, axes ...int) (Stream, error) {
	return read(s, key, func(a array) (Stream, error) { return a.Stream(axes...) })
}

// Pairs delivers slices of a complex array, as pairs of real and imaginary part.
func (s *Source) Pairs(key string) (Stream, error) { return read(s, key, array.Pairs) }

// Direct gives single slices of a real array in any order; nil where that would be slow.
func (s *Source) Direct(key string, axes ...int) (Direct, error) {
	return read(s, key, func(a array) (Direct, error) { return a.Direct(axes...) })
}

// DirectPairs is Direct for a complex array.
func (s *Source) DirectPairs(key string) (Direct, error) { return read(s, key, array.DirectPairs) }
