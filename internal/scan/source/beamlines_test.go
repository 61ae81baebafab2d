package source_test

import (
	"errors"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/scan/source"
	"ptyx/internal/scan/source/sourcetest"
)

const beam = "entry_1/instrument_1/beam_1/"

// nxcxi is the least that is a file of NXcxi_ptycho.
func nxcxi() sourcetest.File {
	return sourcetest.File{
		"entry_1/definition": "NXptycho", detector + "data": numbers(2, 2, 3), beam + "energy": 8000.0,
	}
}

// TestNXcxi: units are those of the attributes, the energy is the beam's, and translations are the sample's.
func TestNXcxi(t *testing.T) {
	f := nxcxi().With(optics+"energy", 3e9).With(detector+"distance", 1500.0).With(detector+"distance@units", "mm")
	f = f.With(detector+"x_pixel_size", 75.0).With(detector+"x_pixel_size@units", "um")
	f = f.With(detector+"translation", ndarray.Wrap([]float32{1, 2, 9, 3, 4, 9}, 2, 3))
	s := mustOpen(t, f.With(detector+"translation@units", "um").Write(t, "a.nxs"))
	if f := s.Facts; f.Layout != "NXcxi_ptycho" || f.EnergyEV != 8000 || !near(f.DistanceM, 1.5) ||
		!near(f.DetectorPixelX, 75e-6) || !f.SampleMotion || f.Kind != source.Counts {
		t.Errorf("%+v", f)
	}
	if y, err := s.Float64s(source.Y); err != nil || !near(y[1], 4e-6) {
		t.Errorf("rows %v, %v", y, err)
	}
	for _, tt := range []struct{ number, want float64 }{{8000, 8000}, {8, 8000}, {source.Joules(8000), 8000}} {
		f := mustOpen(t, nxcxi().With(beam+"energy", tt.number).Write(t, "a.nxs")).Facts
		if !near(f.EnergyEV, tt.want) {
			t.Errorf("an energy of %v is read as %v eV, want %v", tt.number, f.EnergyEV, tt.want)
		}
	}
	// A raster with a position for each of its points.
	raster := nxcxi().With(detector+"data", nil).With("entry_1/data/data", numbers(2, 3, 4, 5))
	raster = raster.With("entry_1/data/x", numbers(2, 3)).With("entry_1/data/y", numbers(2, 3))
	s = mustOpen(t, raster.Write(t, "a.nxs"))
	if x, err := s.Float64s(source.X); err != nil || len(x) != 6 || x[5] != 5 || s.Facts.SampleMotion {
		t.Errorf("columns %v, %v, of the sample %v", x, err, s.Facts.SampleMotion)
	}
	if h, err := s.Header(source.Patterns); err != nil || h.ShapeText() != "(6, 4, 5)" {
		t.Errorf("patterns %v, %v", h.Shape, err)
	}
}

// TestLIMA: a file of the detector software alone gives patterns and the size of its pixels.
func TestLIMA(t *testing.T) {
	s := mustOpen(t, sourcetest.File{"entry_0000/measurement/data": numbers(2, 2, 3),
		"entry_0000/instrument/eiger/detector_information/pixel_size/xsize": 75e-6,
		"entry_0000/instrument/eiger/detector_information/pixel_size/ysize": 75e-6}.Write(t, "a.h5"))
	if f := s.Facts; f.Layout != "LIMA" || f.DetectorPixelX != 75e-6 || !s.Has(source.Patterns) {
		t.Errorf("%+v", f)
	}
}

// bliss is a file of BLISS with a scan that has patterns.
func bliss(title string) sourcetest.File {
	return sourcetest.File{
		"3.1/title": title, "3.1/measurement/eiger": numbers(2, 2, 3), "3.1/measurement/elapsed_time": list(1, 2),
		"3.1/measurement/samy": list(1, 2), "3.1/measurement/samz": list(3, 4), "1.1/measurement/samy": list(1, 2, 3),
	}
}

// TestBLISS: the motors of the command are the positions, in millimetres if nothing else is stated.
func TestBLISS(t *testing.T) {
	s := mustOpen(t, bliss("amesh samz 0 1 2 samy 0 1 2 0.1").Write(t, "a.h5"))
	x, errX := s.Float64s(source.X)
	y, errY := s.Float64s(source.Y)
	if err := errors.Join(errX, errY); err != nil || !near(x[1], 4e-3) || !near(y[1], 2e-3) || !s.Facts.SampleMotion {
		t.Errorf("columns %v, rows %v, %v, %+v", x, y, err, s.Facts)
	}
	if s := mustOpen(t, bliss("loopscan 2 0.1").Write(t, "a.h5")); s.Has(source.X) {
		t.Error("a scan of no motor has positions")
	}
	two := bliss("amesh samz 0 1 2 samy 0 1 2 0.1").With("4.1/measurement/eiger", numbers(3, 2, 3)).Write(t, "a.h5")
	s, err := source.Open(two, source.Options{Places: source.Places{Patterns: "4.1/measurement/eiger"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if h, err := s.Header(source.Patterns); err != nil || h.Shape[0] != 3 || s.Has(source.X) {
		t.Errorf("the named scan has patterns %v, %v, and positions %v", h.Shape, err, s.Has(source.X))
	}
}

// TestFaultsOfBeamlines: each is one sentence with the place.
func TestFaultsOfBeamlines(t *testing.T) {
	for name, tt := range map[string]struct {
		file sourcetest.File
		want string
	}{
		"a unit of time": {nxcxi().With(beam+"energy@units", "s"), beam + `energy@units: found "s", expected`},
		"no unit of length": {nxcxi().With(detector+"distance", 1.0).With(detector+"distance@units", "eV"),
			`found "eV"`},
		"two scans": {bliss("").With("4.1/measurement/eiger", numbers(3, 2, 3)), "name one by --patterns"},
		"no detector": {bliss("").With("3.1/measurement/eiger", nil),
			"found no scan with patterns, expected one with an array of three axes"},
	} {
		_, err := open(t, tt.file.Write(t, "a.h5"))
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want a *badinput.Error with %q", name, err, tt.want)
		}
	}
}
