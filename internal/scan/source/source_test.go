package source_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
	"ptyx/internal/scan/source/sourcetest"
)

const (
	detector = "entry_1/instrument_1/detector_1/"
	optics   = "entry_1/instrument_1/source_1/"
)

// numbers are an array of 0, 1, 2 ...
func numbers(shape ...int) *ndarray.Float32 {
	a := ndarray.New[float32](shape...)
	for i := range a.Data {
		a.Data[i] = float32(i)
	}
	return a
}

func list(values ...float32) *ndarray.Float32 { return ndarray.Wrap(values, len(values)) }

// cxi is the least that is a CXI file: two patterns of 2 x 3 pixels.
func cxi() sourcetest.File {
	return sourcetest.File{"entry_1/data_1/data": numbers(2, 2, 3)}
}

func open(t *testing.T, path string) (*source.Source, error) {
	t.Helper()
	s, err := source.Open(path, source.Options{Library: hdf5test.Library()})
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func mustOpen(t *testing.T, path string) *source.Source {
	t.Helper()
	s, err := open(t, path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// tolerance is relative: facts of CXI files are float64, and computed in a few steps.
const tolerance = 1e-12

func near(got, want float64) bool {
	return got == want || math.Abs(got-want) <= tolerance*math.Abs(want)
}

// TestFactsOfCXI reads energy, distance and pixels in each form that a CXI file may state them.
func TestFactsOfCXI(t *testing.T) {
	basis := func(shape []int, values ...float32) *ndarray.Float32 { return ndarray.Wrap(values, shape...) }
	for _, tt := range []struct {
		name string
		path string
		put  any
		got  func(f source.Facts) float64
		want float64
	}{
		{"joules", optics + "energy", source.Joules(8000), func(f source.Facts) float64 { return f.EnergyEV }, 8000},
		{"a wavelength", optics + "wavelength", source.Wavelength(8000),
			func(f source.Facts) float64 { return f.EnergyEV }, 8000},
		{"a distance", detector + "distance", 1.5, func(f source.Facts) float64 { return f.DistanceM }, 1.5},
		{"the distance of a corner", detector + "corner_position", list(0.5, 0.25, -2),
			func(f source.Facts) float64 { return f.DistanceM }, 2},
		{"a pixel's width", detector + "x_pixel_size", 75e-6, func(f source.Facts) float64 { return f.DetectorPixelX },
			75e-6},
		{"a pixel's height", detector + "y_pixel_size", 55e-6, func(f source.Facts) float64 { return f.DetectorPixelY },
			55e-6},
		{"columns of vectors, height", detector + "basis_vectors", basis([]int{3, 2}, 0, -4, -3, 0, 4, 3),
			func(f source.Facts) float64 { return f.DetectorPixelY }, 5},
		{"columns of vectors, width", detector + "basis_vectors", basis([]int{3, 2}, 0, -4, -3, 0, 0, 3),
			func(f source.Facts) float64 { return f.DetectorPixelX }, 5},
		{"rows of vectors, height", detector + "basis_vectors", basis([]int{2, 3}, 0, -3, 4, -2, 0, 0),
			func(f source.Facts) float64 { return f.DetectorPixelY }, 5},
		{"rows of vectors, width", detector + "basis_vectors", basis([]int{2, 3}, 0, -3, 0, -2, 0, 0),
			func(f source.Facts) float64 { return f.DetectorPixelX }, 2},
	} {
		f := mustOpen(t, cxi().With(tt.path, tt.put).Write(t, "a.cxi")).Facts
		if got := tt.got(f); !near(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
		if f.Layout != "CXI" || f.Kind != source.Counts || !f.SampleMotion {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
}

// TestTranslations: points of three numbers or two, wherever the file has them, are X and Y in metres.
func TestTranslations(t *testing.T) {
	three := ndarray.Wrap([]float32{1, 2, 9, 3, 4, 9}, 2, 3)
	two := ndarray.Wrap([]float32{1, 2, 3, 4}, 2, 2)
	micrometres := ndarray.Wrap([]float32{1, 3, 2, 4}, 2, 2) // (2, M), as NSLS-II writes it
	patterns := sourcetest.File{"dp": numbers(2, 2, 3)}
	for name, tt := range map[string]struct {
		file sourcetest.File
		unit float64
	}{
		"data":     {cxi().With("entry_1/data_1/translation", three), 1},
		"sample":   {cxi().With("entry_1/sample_1/geometry_1/translation", three), 1},
		"older":    {cxi().With("entry_1/sample_1/geometry/translation", two), 1},
		"detector": {cxi().With(detector+"translation", three), 1},
		"NSLS-II":  {patterns.With("points", micrometres), 1e-6},
	} {
		s := mustOpen(t, tt.file.Write(t, "a.h5"))
		x, err := s.Float64s(source.X)
		if err != nil {
			t.Fatal(err)
		}
		y, err := s.Float64s(source.Y)
		if err != nil {
			t.Fatal(err)
		}
		if !near(x[0], tt.unit) || !near(x[1], 3*tt.unit) || !near(y[0], 2*tt.unit) || !near(y[1], 4*tt.unit) ||
			!s.Facts.Metres {
			t.Errorf("%s: x %v, y %v, metres %v", name, x, y, s.Facts.Metres)
		}
		if h, err := s.Header(source.X); err != nil || !reflect.DeepEqual(h.Shape, []int{2}) {
			t.Errorf("%s: header %+v, %v", name, h, err)
		}
	}
}

// TestMasksAndDarkCounts: a bit of a mask is bad but the one that says there is a signal; of several masks a pixel is
// bad that is bad in any; of several dark pictures the mean counts.
func TestMasksAndDarkCounts(t *testing.T) {
	const signal = 0x1000
	one := &hdf5.Unsigned{Shape: []int{2, 3}, Data: []uint32{0, signal, 1, 0, signal | 2, 0}}
	several := &hdf5.Unsigned{Shape: []int{2, 2, 3}, Data: []uint32{0, signal, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0}}
	for name, mask := range map[string]any{"one": one, "several": several} {
		f := mustOpen(t, cxi().With(detector+"mask", mask).Write(t, "a.cxi")).Facts
		if f.Bad == nil || !slices.Equal(f.Bad.Data, []float32{0, 0, 1, 0, 1, 0}) ||
			!reflect.DeepEqual(f.Bad.Shape, []int{2, 3}) {
			t.Errorf("%s: %+v", name, f.Bad)
		}
	}
	f := mustOpen(t, cxi().With(detector+"data_dark", numbers(2, 2, 3)).Write(t, "a.cxi")).Facts
	if f.Dark == nil || !slices.Equal(f.Dark.Data, []float32{3, 4, 5, 6, 7, 8}) {
		t.Errorf("dark counts %+v", f.Dark)
	}
	f = mustOpen(t, sourcetest.File{"dp": numbers(2, 2, 3), "bad_pixels": numbers(2, 3)}.Write(t, "a.h5")).Facts
	if f.Bad == nil || f.Bad.Data[0] != 0 || f.Bad.Data[5] != 5 {
		t.Errorf("bad pixels %+v", f.Bad)
	}
	if f := mustOpen(t, cxi().Write(t, "a.cxi")).Facts; f.Bad != nil || f.Dark != nil {
		t.Errorf("a file without mask: %+v", f)
	}
}

// TestLayoutsOfHDF5: the contents of a file give its layout, and the layout its facts.
func TestLayoutsOfHDF5(t *testing.T) {
	product := sourcetest.File{"probe_position_x_m": list(1, 2), "probe_position_y_m": list(3, 4),
		"object": numbers(4, 6), "object@pixel_width_m": 0.5, "object@pixel_height_m": 0.25,
		"object@center_x_m": 10.0, "object@center_y_m": 20.0, "/@probe_energy_eV": 9000.0,
		"/@detector_object_distance_m": 2.0}
	for name, tt := range map[string]struct {
		file sourcetest.File
		want source.Facts
		keys []string
	}{
		"PtychoPINN": {sourcetest.File{"diffraction": numbers(2, 2, 2), "xcoords": list(1, 2), "ycoords": list(1, 2)},
			source.Facts{Layout: "PtychoPINN"}, []string{source.PatternsAlias, source.X, source.Y}},
		"product": {product, source.Facts{Layout: "ptychodus product", Metres: true, EnergyEV: 9000, DistanceM: 2,
			PixelX: 0.5, PixelY: 0.25, Origin: &source.Point{X: 8.5, Y: 19.5}},
			[]string{source.X, source.Y, source.Object}},
		"product with patterns": {product.With("dp", numbers(2, 2, 2)),
			source.Facts{Layout: "ptychodus product", Kind: source.Counts, Metres: true, EnergyEV: 9000, DistanceM: 2,
				PixelX: 0.5, PixelY: 0.25, Origin: &source.Point{X: 8.5, Y: 19.5}}, []string{source.Patterns}},
		"NSLS-II": {sourcetest.File{"diffamp": numbers(2, 2, 2), "z_m": 0.5, "ccd_pixel_um": 55.0, "energy_kev": 12.0},
			source.Facts{Layout: "NSLS-II", Kind: source.Amplitudes, DistanceM: 0.5, DetectorPixelX: 55e-6,
				DetectorPixelY: 55e-6, EnergyEV: 12000}, []string{source.Patterns}},
		"NeXus": {sourcetest.File{"entry/data/data": numbers(2, 2, 2)},
			source.Facts{Layout: "NeXus", Kind: source.Counts}, []string{source.Patterns}},
	} {
		s := mustOpen(t, tt.file.Write(t, "a.h5"))
		got := s.Facts
		got.DetectorPixelX, got.DetectorPixelY = rounded(got.DetectorPixelX), rounded(got.DetectorPixelY)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
		for _, key := range tt.keys {
			if !s.Has(key) {
				t.Errorf("%s has no %s, but %v", name, key, s.Keys())
			}
		}
	}
}

// rounded leaves twelve digits.
func rounded(v float64) float64 { return math.Round(v*1e12) / 1e12 }

// TestLayoutsOfNPZ: the NPZ files of PtychoPINN, of ptychodus and of ptyx itself give their arrays under one set of
// names.
func TestLayoutsOfNPZ(t *testing.T) {
	object := ndarray.New[complex64](4, 6)
	for name, tt := range map[string]struct {
		members []npz.Member
		want    source.Facts
		places  map[string]string
	}{
		"PtychoPINN": {[]npz.Member{{Key: "diff3d", Value: numbers(2, 2, 2)}}, source.Facts{Layout: "PtychoPINN"},
			map[string]string{source.Patterns: "diff3d"}},
		"patterns of ptychodus": {[]npz.Member{{Key: "patterns", Value: numbers(2, 2, 2)},
			{Key: "indexes", Value: []int64{4, 7}}},
			source.Facts{Layout: "ptychodus patterns", Kind: source.Counts},
			map[string]string{source.Patterns: "patterns", source.PatternIndex: "indexes"}},
		"product of ptychodus": {[]npz.Member{{Key: "probe_position_x_m", Value: []float64{1, 2}},
			{Key: "probe_position_y_m", Value: []float64{1, 2}}, {Key: "object", Value: object},
			{Key: "object_pixel_width_m", Value: 0.5}, {Key: "object_pixel_height_m", Value: 0.25},
			{Key: "object_center_x_m", Value: 10.0}, {Key: "object_center_y_m", Value: 20.0}},
			source.Facts{Layout: "ptychodus product", Metres: true, PixelX: 0.5, PixelY: 0.25,
				Origin: &source.Point{X: 8.5, Y: 19.5}},
			map[string]string{source.X: "probe_position_x_m", source.Object: "object"}},
		"reconstruction": {[]npz.Member{{Key: "object", Value: object}, {Key: "origin", Value: []int64{-3, 7}}},
			source.Facts{Layout: "ptyx reconstruction", Row: -3, Col: 7}, map[string]string{source.Object: "object"}},
	} {
		path := t.TempDir() + "/a.npz"
		if err := npz.Write(path, tt.members); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, path)
		if got := s.Facts; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
		for key, place := range tt.places {
			if !s.Has(key) || s.Place(key) != place {
				t.Errorf("%s: %s is there %v, as %q, want %q", name, key, s.Has(key), s.Place(key), place)
			}
		}
	}
}

// TestFaultsNameTheirPlace: one sentence each, with the dataset and what it should be.
func TestFaultsNameTheirPlace(t *testing.T) {
	for name, tt := range map[string]struct {
		file sourcetest.File
		want string
	}{
		"electronvolts": {cxi().With(optics+"energy", 8000.0), "energy: found 8000, expected joules"},
		"a point of four": {cxi().With("entry_1/data_1/translation", numbers(2, 4)),
			"translation: found shape (2, 4), expected (M, 3)"},
		"a corner of two": {cxi().With(detector+"corner_position", list(1, 2)),
			"corner_position: found 2 values"},
		"half a vector":         {cxi().With(detector+"basis_vectors", list(1, 2, 3)), "basis_vectors: found shape"},
		"a mask of a line":      {cxi().With(detector+"mask", []int64{1, 0}), "mask: found shape"},
		"dark counts of a line": {cxi().With(detector+"data_dark", list(1, 2)), "data_dark: found shape"},
		"nothing that is known": {sourcetest.File{"a": list(1)},
			"found an HDF5 file with a, expected a file as one of these has it: ptychodus product, "},
	} {
		_, err := open(t, tt.file.Write(t, "a.cxi"))
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want a *badinput.Error with %q", name, err, tt.want)
		}
	}
}
