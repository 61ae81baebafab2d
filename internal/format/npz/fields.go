package npz

import (
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
)

// Fields reads arrays of expected shapes from a file, as those of a saved state, and keeps the first fault. After a
// fault its methods return values of no use, and Err returns a *badinput.Error.
type Fields struct {
	file   *Reader
	remedy string
	err    error
}

// NewFields reads from a file. The remedy ends the sentence about an array that is not as expected.
func NewFields(file *Reader, remedy string) *Fields { return &Fields{file: file, remedy: remedy} }

// Err is the first fault, or nil.
func (f *Fields) Err() error { return f.err }

// Fault reports an array that is not as expected.
func (f *Fields) Fault(key, found, expected string) {
	f.Keep(&badinput.Error{File: f.file.Path(), Key: key, Found: found, Expected: expected, Remedy: f.remedy})
}

// Keep keeps an error if it is the first, and reports whether there is none.
func (f *Fields) Keep(err error) bool {
	if f.err == nil {
		f.err = err
	}
	return f.err == nil
}

// Text reads a string.
func (f *Fields) Text(key string) string {
	v, err := f.file.String(key)
	f.Keep(err)
	return v
}

// Floats reads count numbers. If there are others, it returns nil.
func (f *Fields) Floats(key string, count int) []float64 {
	v, err := f.file.Float64s(key)
	if f.Keep(err) && len(v) == count {
		return v
	}
	f.Fault(key, fmt.Sprintf("%d values", len(v)), fmt.Sprint(count))
	return nil
}

// Counts reads count whole numbers, 0 or more. If there are others, it returns zeros.
func (f *Fields) Counts(key string, count int) []int {
	out := make([]int, count)
	for i, v := range f.Floats(key, count) {
		if !(v >= 0 && v < math.MaxInt32 && v == math.Trunc(v)) {
			f.Fault(key, fmt.Sprint(v), "a count")
			return make([]int, count)
		}
		out[i] = int(v)
	}
	return out
}

// Into fills an array from the file, in which it has the same shape and finite values.
func (f *Fields) Into(key string, array *ndarray.Float32) {
	v, err := f.file.Float32(key)
	if !f.Keep(err) {
		return
	}
	if !ndarray.SameShape(v.Shape, array.Shape) {
		f.Fault(key, fmt.Sprintf("shape %v", v.Shape), fmt.Sprint(array.Shape))
		return
	}
	for i, x := range v.Data {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			f.Fault(key, fmt.Sprintf("%v at element %d", x, i), "finite numbers")
			return
		}
	}
	copy(array.Data, v.Data)
}
