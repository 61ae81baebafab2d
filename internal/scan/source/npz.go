package source

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// npzFile is an NPZ file as a container.
type npzFile struct{ *npz.Reader }

func (f npzFile) Names() ([]string, error)        { return f.Keys(), nil }
func (f npzFile) Has(path string) (bool, error)   { return f.Reader.Has(path), nil }
func (f npzFile) open(path string) (array, error) { return npzArray{f.Reader, path}, nil }

func (f npzFile) arrays() (map[string]array, error) {
	all := map[string]array{}
	for _, key := range f.Keys() {
		all[key] = npzArray{f.Reader, key}
	}
	return all, nil
}

// attribute finds none: arrays of an NPZ file carry no attributes.
func (f npzFile) attribute(string, string) (float64, bool, error) { return 0, false, nil }

func (f npzFile) attributeText(string, string) (string, bool, error) { return "", false, nil }

// inside finds no group: an NPZ file has none.
func (f npzFile) inside(string) ([]string, bool, error) { return nil, false, nil }

// npzArray is a member of an NPZ file.
type npzArray struct {
	file *npz.Reader
	key  string
}

func (a npzArray) Header() (npz.Header, error)            { return a.file.Header(a.key) }
func (a npzArray) Float32() (*ndarray.Float32, error)     { return a.file.Float32(a.key) }
func (a npzArray) Float64s() ([]float64, error)           { return a.file.Float64s(a.key) }
func (a npzArray) Int64s() ([]int64, error)               { return a.file.Int64s(a.key) }
func (a npzArray) Complex64() (*ndarray.Complex64, error) { return a.file.Complex64(a.key) }
func (a npzArray) Text() (string, error)                  { return a.file.String(a.key) }

func (a npzArray) Stream(axes ...int) (Stream, error) {
	return orNil[Stream](a.file.Stream(a.key, axes...))
}

func (a npzArray) Pairs() (Stream, error) { return orNil[Stream](a.file.Pairs(a.key)) }

func (a npzArray) Direct(axes ...int) (Direct, error) {
	return orNil[Direct](a.file.Direct(a.key, axes...))
}

func (a npzArray) DirectPairs() (Direct, error) { return orNil[Direct](a.file.DirectPairs(a.key)) }

// orNil gives a pointer as the interface I, and a nil pointer as a nil interface.
func orNil[I any, P comparable](p P, err error) (I, error) {
	var none I
	if p == *new(P) {
		return none, err
	}
	return any(p).(I), err
}
