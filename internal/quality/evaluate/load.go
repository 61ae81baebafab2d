package evaluate

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/quality/metrics"
)

// Source is an object as a file has it.
type Source struct {
	metrics.Image
	Path, Key string
	Scan      *metrics.Scan // centres of the patterns; nil: the file has none
}

// place is the object's size and place, for messages.
func (s *Source) place() string {
	return fmt.Sprintf("%d x %d pixels from row %d, column %d", s.Object.Shape[0], s.Object.Shape[1], s.Row, s.Col)
}

// ReconstructionFile is the reconstruction in a directory of ptyx infer, solve and refine.
const ReconstructionFile = "reconstruction.npz"

// File is the file that a path names: of a directory its reconstruction.
func File(path string) string {
	inside := filepath.Join(path, ReconstructionFile)
	if _, err := os.Stat(inside); err == nil {
		return inside
	}
	return path
}

// Load reads a reconstruction, a file or the directory that it is in (object, with origin and coverage where there are any) or the objectGuess of a scan, whose
// pixel [0, 0] is that of the scan's own frame.
func Load(path string) (*Source, error) {
	path = File(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, &badinput.Error{File: path, Found: "a directory without " + ReconstructionFile, Expected: "a reconstruction, or a directory with one"}
	}
	r, err := npz.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // read only: nothing can be lost
	s := &Source{Path: path, Key: "object"}
	switch {
	case r.Has("object"):
	case r.Has("objectGuess"):
		s.Key = "objectGuess"
	default:
		return nil, &badinput.Error{File: path, Found: fmt.Sprintf("arrays %v", r.Keys()), Expected: "object or objectGuess",
			Remedy: "give a reconstruction.npz or a scan with its object"}
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
	if err := s.finite(); err != nil {
		return nil, err
	}
	return s, s.readScan(r)
}

// flatten drops axes of length 1, such as an object's only slice.
func (s *Source) flatten() error {
	var shape []int
	for _, n := range s.Object.Shape {
		if n != 1 {
			shape = append(shape, n)
		}
	}
	if len(shape) != 2 {
		return &badinput.Error{File: s.Path, Key: s.Key, Found: "shape " + npz.Header{Shape: s.Object.Shape}.ShapeText(), Expected: "one image (H, W)", Remedy: "save a single slice"}
	}
	s.Object = ndarray.Wrap(s.Object.Data, shape...)
	return nil
}

// readFrame reads where a reconstruction lies and how well it is covered.
func (s *Source) readFrame(r *npz.Reader) error {
	if r.Has("origin") {
		origin, err := r.Int64s("origin")
		if err != nil {
			return err
		}
		const far = 1 << 31
		if len(origin) != 2 || max(origin[0], -origin[0], origin[1], -origin[1]) > far {
			return &badinput.Error{File: s.Path, Key: "origin", Found: fmt.Sprint(origin), Expected: "row and column of the object's first pixel"}
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
		return &badinput.Error{File: s.Path, Key: "coverage", Found: fmt.Sprintf("shape %v", coverage.Shape), Expected: fmt.Sprintf("%v, the object's", s.Object.Shape)}
	}
	s.Coverage = ndarray.Wrap(coverage.Data, s.Object.Shape...)
	for i, v := range coverage.Data {
		if !(v >= 0) || math.IsInf(float64(v), 1) {
			return &badinput.Error{File: s.Path, Key: "coverage", Found: fmt.Sprintf("%v at row %d, column %d", v, i/s.Object.Shape[1], i%s.Object.Shape[1]), Expected: "finite values of at least 0"}
		}
	}
	return nil
}

// finite refuses NaN and Inf where the object is covered.
func (s *Source) finite() error {
	for i, v := range s.Object.Data {
		sum := float64(real(v)) + float64(imag(v))
		if (math.IsNaN(sum) || math.IsInf(sum, 0)) && (s.Coverage == nil || s.Coverage.Data[i] > 0) {
			return &badinput.Error{File: s.Path, Key: s.Key, Found: fmt.Sprintf("%v at row %d, column %d", v, i/s.Object.Shape[1], i%s.Object.Shape[1]), Expected: "finite values"}
		}
	}
	return nil
}

// readScan reads the centres of the patterns, where the file has them.
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
		return &badinput.Error{File: s.Path, Key: "ycoords", Found: fmt.Sprintf("%d values", len(y)), Expected: fmt.Sprintf("%d, as many as xcoords", len(x))}
	}
	const far = 1 << 31
	for i := range x {
		if !(math.Abs(x[i]) < far && math.Abs(y[i]) < far) {
			return &badinput.Error{File: s.Path, Key: "xcoords, ycoords", Found: fmt.Sprintf("(%v, %v) at index %d", x[i], y[i], i), Expected: "finite positions in pixels"}
		}
	}
	if len(x) > 0 {
		s.Scan = &metrics.Scan{X: x, Y: y}
	}
	return nil
}
