package evaluate

import (
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/quality/metrics"
)

// Source is an object with its place, as a file holds it.
type Source struct {
	metrics.Image
	Path, Key string
	Scan      *metrics.Scan // centres of the patterns; nil if the file has none
}

// place is the object's size and place, for messages.
func (s *Source) place() string {
	return fmt.Sprintf("%d x %d pixels from row %d, column %d", s.Object.Shape[0], s.Object.Shape[1], s.Row, s.Col)
}

// fault is an error about an array of the file.
func (s *Source) fault(key, found, expected string) *badinput.Error {
	return &badinput.Error{File: s.Path, Key: key, Found: found, Expected: expected}
}

// ReconstructionFile is the reconstruction in an output directory of ptyx infer, solve and refine.
const ReconstructionFile = "reconstruction.npz"

// File is the file that a path names: for a directory, its reconstruction.
func File(path string) string {
	inside := filepath.Join(path, ReconstructionFile)
	if _, err := os.Stat(inside); err == nil {
		return inside
	}
	return path
}

// Load reads an object: that of a reconstruction, given by its file or directory, with origin and coverage if it has
// them; or the objectGuess of a scan, whose pixel [0, 0] is that of the scan's frame. Faults of the file are
// *badinput.Error.
func Load(path string) (*Source, error) {
	path = File(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, &badinput.Error{
			File: path, Found: "a directory without " + ReconstructionFile,
			Expected: "a reconstruction, or a directory with one",
		}
	}
	r, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // nothing was written
	s := &Source{Path: path, Key: "object"}
	switch {
	case r.Has("object"):
	case r.Has("objectGuess"):
		s.Key = "objectGuess"
	default:
		return nil, &badinput.Error{
			File: path, Found: fmt.Sprintf("arrays %v", r.Keys()), Expected: "object or objectGuess",
			Remedy: "give a reconstruction.npz or a scan with its object",
		}
	}
	if s.Object, err = r.Complex64(s.Key); err != nil {
		return nil, err
	}
	if err := s.flatten(); err != nil {
		return nil, err
	}
	if s.Key == "object" {
		if err := s.readFrame(r); err != nil {
			return nil, err
		}
	}
	for i, v := range s.Object.Data {
		z := complex128(v)
		if (cmplx.IsNaN(z) || cmplx.IsInf(z)) && (s.Coverage == nil || s.Coverage.Data[i] > 0) {
			return nil, s.fault(s.Key, s.valueAt(i, v), "finite values")
		}
	}
	return s, s.readScan(r)
}

// valueAt describes a value at an index of the object.
func (s *Source) valueAt(i int, value any) string {
	w := s.Object.Shape[1]
	return fmt.Sprintf("%v at row %d, column %d", value, i/w, i%w)
}

// flatten drops axes of length 1, such as that of an object's only slice.
func (s *Source) flatten() error {
	var shape []int
	for _, n := range s.Object.Shape {
		if n != 1 {
			shape = append(shape, n)
		}
	}
	if len(shape) != 2 {
		bad := s.fault(s.Key, "shape "+npz.Header{Shape: s.Object.Shape}.ShapeText(), "one image (H, W)")
		bad.Remedy = "save a single slice"
		return bad
	}
	s.Object = ndarray.Wrap(s.Object.Data, shape...)
	return nil
}

// far bounds origins and positions, in pixels.
const far = 1 << 31

// readFrame reads a reconstruction's origin and coverage.
func (s *Source) readFrame(r *npz.Reader) error {
	if r.Has("origin") {
		origin, err := r.Int64s("origin")
		if err != nil {
			return err
		}
		if len(origin) != 2 || max(origin[0], -origin[0], origin[1], -origin[1]) > far {
			return s.fault("origin", fmt.Sprint(origin), "row and column of the object's first pixel")
		}
		s.Row, s.Col = int(origin[0]), int(origin[1])
	}
	if !r.Has("coverage") {
		return nil
	}
	coverage, err := r.Float32("coverage")
	if err != nil {
		return err
	}
	if ndarray.Size(coverage.Shape) != len(s.Object.Data) {
		expected := fmt.Sprintf("%v, the object's", s.Object.Shape)
		return s.fault("coverage", fmt.Sprintf("shape %v", coverage.Shape), expected)
	}
	s.Coverage = ndarray.Wrap(coverage.Data, s.Object.Shape...)
	for i, v := range coverage.Data {
		if !(v >= 0) || math.IsInf(float64(v), 1) {
			return s.fault("coverage", s.valueAt(i, v), "finite values of at least 0")
		}
	}
	return nil
}

// readScan reads the centres of the patterns, if the file has them.
func (s *Source) readScan(r *npz.Reader) error {
	if !r.Has("xcoords") || !r.Has("ycoords") {
		return nil
	}
	x, err := r.Float64s("xcoords")
	if err != nil {
		return err
	}
	y, err := r.Float64s("ycoords")
	if err != nil {
		return err
	}
	if len(x) != len(y) {
		return s.fault("ycoords", fmt.Sprintf("%d values", len(y)), fmt.Sprintf("%d, as many as xcoords", len(x)))
	}
	for i := range x {
		if !(math.Abs(x[i]) < far && math.Abs(y[i]) < far) {
			found := fmt.Sprintf("(%v, %v) at index %d", x[i], y[i], i)
			return s.fault("xcoords, ycoords", found, "finite positions in pixels")
		}
	}
	if len(x) > 0 {
		s.Scan = &metrics.Scan{X: x, Y: y}
	}
	return nil
}
