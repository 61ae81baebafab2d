package evaluate

import (
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"path/filepath"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/resample"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/source"
)

// Source is an object with its place, as a file holds it.
type Source struct {
	metrics.Image
	Path, Key string
	Scan      *metrics.Scan // centres of the patterns; nil if the file has none
	Scale     frame.Scale   // a pixel in pixels of the scan's file; zero: not stated
	Metres    frame.Scale   // a pixel in metres; zero: not stated
	ProbeSize int           // pixels of its probe; 0: it has none

	placed bool // from a file of another program, or at a place that the user named
}

// scaleBeside is the scale of the object beside a view of the same scan, whose probe has n pixels. If the file states
// none, its pixels are those of the view if its probe has that size, too, else those of the scan's file.
func (s *Source) scaleBeside(view frame.Scale, n int) frame.Scale {
	if s.Scale == (frame.Scale{}) && n > 0 && s.ProbeSize == n {
		return view.OrOne()
	}
	return s.Scale.OrOne()
}

// At is the object in the pixels of a view with a probe of n pixels. These must not be smaller than its own.
func (s *Source) At(view frame.Scale, n int) (*Source, error) {
	return s.resampled(s.scaleBeside(view, n), view.OrOne())
}

// resampled brings the object from one scale to another.
func (s *Source) resampled(own, scale frame.Scale) (*Source, error) {
	by := scale.Per(own)
	if near(by, frame.One) {
		return s, nil
	}
	if by.X < 1-rounding || by.Y < 1-rounding {
		bad := s.fault(s.Key, fmt.Sprintf("pixels as large as %.4g x %.4g of the scan's file", own.Y, own.X),
			fmt.Sprintf("pixels no larger than %.4g x %.4g", scale.Y, scale.X))
		bad.Remedy = "give the --crop with which it was reconstructed"
		return nil, bad
	}
	at := *s
	at.Scale = scale
	at.Object, at.Row, at.Col = resample.Complex(s.Object, s.Row, s.Col, by)
	if s.Coverage != nil {
		at.Coverage = resample.Nearest(s.Coverage, s.Row, s.Col, by)
	}
	if s.Scan != nil {
		at.Scan = &metrics.Scan{X: divided(s.Scan.X, by.X), Y: divided(s.Scan.Y, by.Y)}
	}
	return &at, nil
}

// rounding is the part by which two sizes of pixels may differ and count as one.
const rounding = 1e-9

func near(a, b frame.Scale) bool { return within(rounding, a, b) }

// within reports whether two sizes differ by less than a part.
func within(part float64, a, b frame.Scale) bool {
	by := a.Per(b)
	return math.Abs(by.X-1) < part && math.Abs(by.Y-1) < part
}

func divided(values []float64, by float64) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v / by
	}
	return out
}

// Common brings two objects to the larger pixels of both.
func Common(a, b *Source) (*Source, *Source, error) {
	sa, sb := scales(a, b)
	scale := frame.Scale{X: max(sa.X, sb.X), Y: max(sa.Y, sb.Y)}
	a, err := a.resampled(sa, scale)
	if err != nil {
		return nil, nil, err
	}
	b, err = b.resampled(sb, scale)
	return a, b, err
}

// scales are the pixels of two objects in one unit. Metres decide if both files state them, and one is that of another
// program: it states no scale.
func scales(a, b *Source) (sa, sb frame.Scale) {
	const constants = 1e-3 // programs round the constants of nature differently
	unknown := frame.Scale{}
	if (a.placed || b.placed) && a.Metres != unknown && b.Metres != unknown {
		if within(constants, a.Metres, b.Metres) {
			return frame.One, frame.One
		}
		return a.Metres, b.Metres
	}
	return a.scaleBeside(b.Scale, b.ProbeSize), b.scaleBeside(a.Scale, a.ProbeSize)
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
// them; the objectGuess of a scan, whose pixel [0, 0] is that of the scan's frame; that of an HDF5 file of another
// program; or any array, as FILE:PATH. Faults of the file are *badinput.Error.
func Load(path string) (*Source, error) {
	path = File(path)
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, &badinput.Error{
			File: path, Found: "a directory without " + ReconstructionFile,
			Expected: "a reconstruction, or a directory with one",
		}
	}
	if dataset.NamesArray(path) || source.IsHDF5(path) {
		return loadPlaced(path)
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
	s.readProbeSize(r)
	if s.Key == "object" {
		if err := s.readFrame(r); err != nil {
			return nil, err
		}
	}
	if err := s.checkFinite(); err != nil {
		return nil, err
	}
	return s, s.readScan(r)
}

// loadPlaced reads the object FILE:PATH, or that of an HDF5 file by its layout. Its pixel [0, 0] is that of the frame
// of the file's own scan: a file that does not state where its object is begins with the first patch, as the scan does.
func loadPlaced(path string) (*Source, error) {
	r, err := dataset.OpenObject(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }() // nothing was written
	s := &Source{Path: path, Key: r.Place(dataset.KeyObject), placed: true}
	if f := r.Facts; f.PixelX > 0 && f.PixelY > 0 {
		s.Metres = frame.Scale{X: f.PixelX, Y: f.PixelY}
	}
	if s.Object, err = r.Complex64(dataset.KeyObject); err != nil {
		return nil, err
	}
	if err := s.flatten(); err != nil {
		return nil, err
	}
	s.readProbeSize(r)
	return s, s.checkFinite()
}

// readProbeSize reads the size of the probe, if the file has one. A probe that cannot be read is not needed.
func (s *Source) readProbeSize(r interface {
	Has(key string) bool
	Header(key string) (npz.Header, error)
}) {
	if !r.Has(dataset.KeyProbe) {
		return
	}
	if h, err := r.Header(dataset.KeyProbe); err == nil {
		if d := dataset.Squeeze(h.Shape); len(d) > 0 && frame.HasSize(d, d[len(d)-1]) {
			s.ProbeSize = d[len(d)-1]
		}
	}
}

// checkFinite refuses an object with a covered pixel that is NaN or infinite.
func (s *Source) checkFinite() error {
	for i, v := range s.Object.Data {
		z := complex128(v)
		if (cmplx.IsNaN(z) || cmplx.IsInf(z)) && (s.Coverage == nil || s.Coverage.Data[i] > 0) {
			return s.fault(s.Key, s.valueAt(i, v), "finite values")
		}
	}
	return nil
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

// readFrame reads a reconstruction's origin, pixel and coverage. An object without an origin is not of ptyx.
func (s *Source) readFrame(r *npz.Reader) error {
	s.placed = !r.Has("origin")
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
	if r.Has(dataset.KeyPixelScale) {
		v, err := r.Float64s(dataset.KeyPixelScale)
		if err != nil {
			return err
		}
		var ok bool
		if s.Scale, ok = frame.ScaleOfRows(v); !ok {
			return s.fault(dataset.KeyPixelScale, fmt.Sprint(v), "height and width of a pixel, positive")
		}
	}
	if err := s.readMetres(r); err != nil || !r.Has("coverage") {
		return err
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

// readMetres reads the size of a pixel in metres, if the file states it.
func (s *Source) readMetres(r *npz.Reader) error {
	if !r.Has(source.KeyPixelX) || !r.Has(source.KeyPixelY) {
		return nil
	}
	x, err := r.Float64s(source.KeyPixelX)
	if err != nil {
		return err
	}
	y, err := r.Float64s(source.KeyPixelY)
	if err != nil {
		return err
	}
	if len(x) == 1 && x[0] == 0 { // a program that does not know it
		return nil
	}
	metres, ok := frame.ScaleOfRows(append(y, x...))
	if !ok {
		return s.fault(source.KeyPixelX, fmt.Sprint(x, y), "width and height of a pixel in metres, positive")
	}
	s.Metres = metres
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
