package source_test

import (
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/scan/source"
	"ptyx/internal/scan/source/sourcetest"
)

// bare is a file of no known layout: three patterns of 2 x 2 pixels, positions in several forms, a mask and a probe.
func bare() sourcetest.File {
	return sourcetest.File{
		"scan/eiger":         numbers(3, 2, 2),
		"scan/samx":          list(1, 2, 3),
		"scan/samx@units":    "mm",
		"scan/samy":          list(4, 5, 6),
		"scan/samy@units":    "um",
		"scan/x_nm":          list(1, 2, 3),
		"scan/plain":         list(7, 8, 9),
		"scan/steps":         list(7, 8, 9),
		"scan/steps@units":   "counts",
		"scan/rows":          ndarray.Wrap([]float32{1, 4, 0, 2, 5, 0, 3, 6, 0}, 3, 3),
		"scan/columns_um":    ndarray.Wrap([]float32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 4),
		"scan/wide_mm":       numbers(5, 4),
		"aux/mask":           ndarray.Wrap([]float32{0, 1, 0, 0}, 2, 2),
		"aux/probe":          ndarray.Wrap([]complex64{1, 2, 3, 4}, 2, 2),
		"aux/another/buried": list(1),
	}
}

// TestPlaces: arrays are read wherever the user says they are, and positions in the unit that the user or file states.
func TestPlaces(t *testing.T) {
	path := bare().Write(t, "bare.h5")
	const mm, um, nm = 1e-3, 1e-6, 1e-9
	for _, tt := range []struct {
		name   string
		at     source.Places
		x, y   []float64
		metres bool
	}{
		{"units of attributes", source.Places{X: "scan/samx", Y: "/scan/samy"},
			[]float64{1 * mm, 2 * mm, 3 * mm}, []float64{4 * um, 5 * um, 6 * um}, true},
		{"a group", source.Places{Points: "scan", X: "samx", Y: "samy"},
			[]float64{1 * mm, 2 * mm, 3 * mm}, []float64{4 * um, 5 * um, 6 * um}, true},
		{"the user's unit wins", source.Places{X: "scan/samx", Y: "scan/steps", Unit: "nm"},
			[]float64{1 * nm, 2 * nm, 3 * nm}, []float64{7 * nm, 8 * nm, 9 * nm}, true},
		{"pixels", source.Places{X: "scan/plain", Y: "scan/samy", Unit: "px"},
			[]float64{7, 8, 9}, []float64{4, 5, 6}, false},
		{"a unit in the name", source.Places{X: "scan/x_nm", Y: "scan/samy"},
			[]float64{1 * nm, 2 * nm, 3 * nm}, []float64{4 * um, 5 * um, 6 * um}, true},
		{"rows of three", source.Places{Points: "scan/rows", Unit: "m"}, []float64{1, 2, 3}, []float64{4, 5, 6}, true},
		{"two columns", source.Places{Points: "scan/columns_um"},
			[]float64{1 * um, 2 * um, 3 * um, 4 * um}, []float64{5 * um, 6 * um, 7 * um, 8 * um}, true},
		{"columns exchanged", source.Places{Points: "scan/rows", X: "1", Y: "0", Unit: "m"},
			[]float64{4, 5, 6}, []float64{1, 2, 3}, true},
	} {
		tt.at.Patterns = "scan/eiger"
		s, err := source.Open(path, source.Options{Library: hdf5test.Library(), Places: tt.at})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		x, errX := s.Float64s(source.X)
		y, errY := s.Float64s(source.Y)
		h, errP := s.Header(source.Patterns)
		if errX != nil || errY != nil || errP != nil || !slices.EqualFunc(x, tt.x, near) ||
			!slices.EqualFunc(y, tt.y, near) || s.Facts.Metres != tt.metres || !slices.Equal(h.Shape, []int{3, 2, 2}) {
			t.Errorf("%s: x %v, y %v, metres %v, patterns %v (%v, %v, %v)", tt.name, x, y, s.Facts.Metres, h.Shape,
				errX, errY, errP)
		}
		s.Close()
	}
}

// TestPlacesOfMaskAndProbe: by their paths, and without one if the file has a single array.
func TestPlacesOfMaskAndProbe(t *testing.T) {
	path := bare().Write(t, "bare.h5")
	alone := sourcetest.File{"gaps": ndarray.Wrap([]float32{0, 1, 0, 0}, 2, 2)}.Write(t, "alone.h5")
	for file, at := range map[string]source.Places{
		path:  {Mask: "aux/mask", Probe: "aux/probe"},
		alone: {Mask: source.Sole},
	} {
		s, err := source.Open(file, source.Options{Library: hdf5test.Library(), Places: at})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if bad := s.Facts.Bad; bad == nil || !slices.Equal(bad.Data, []float32{0, 1, 0, 0}) {
			t.Errorf("mask %v", bad)
		}
		if at.Probe == "" {
			continue
		}
		if probe, err := s.Complex64(source.Probe); err != nil || probe.Data[3] != 4 {
			t.Errorf("probe %v, %v", probe, err)
		}
	}
}

// TestFaultyPlaces: each fault is one sentence that names the place, what is there, and what helps.
func TestFaultyPlaces(t *testing.T) {
	path := bare().Write(t, "bare.h5")
	for _, tt := range []struct {
		at   source.Places
		says []string
	}{
		{source.Places{Patterns: "scan/pilatus"}, []string{"scan/pilatus: ", "/scan has columns_um, eiger"}},
		{source.Places{Patterns: "nowhere/at/all"}, []string{"the file has aux, scan"}},
		{source.Places{Patterns: "aux"}, []string{"a group with another, mask, probe", "an array"}},
		{source.Places{X: "scan/samx"}, []string{`--x "scan/samx" and --y ""`, "both axes"}},
		{source.Places{X: "scan/plain", Y: "scan/samy"},
			[]string{"scan/plain: ", "positions from 7 to 9 without a unit", "--unit px, m, mm, um or nm"}},
		{source.Places{X: "scan/samx", Y: "scan/steps"}, []string{"scan/steps@units: ", `"counts"`, "--unit"}},
		{source.Places{Points: "scan"}, []string{"a group with columns_um"}},
		{source.Places{Points: "scan/wide_mm"}, []string{"shape (5, 4)", "--x and --y, from 0 to 3"}},
		{source.Places{Points: "scan/wide_mm", X: "1", Y: "4"}, []string{"from 0 to 3"}},
		{source.Places{Points: "scan/plain"}, []string{"shape (3,)", "positions (M, 2), (M, 3) or (2, M)"}},
		{source.Places{Probe: source.Sole}, []string{"only aux, scan", ":NAME"}},
	} {
		_, err := source.Open(path, source.Options{Library: hdf5test.Library(), Places: tt.at})
		for _, part := range tt.says {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%+v: %v, without %q", tt.at, err, part)
			}
		}
	}
}

// TestSplit divides FILE[:PATH] where the file's name ends, which may have a colon, too.
func TestSplit(t *testing.T) {
	exists := func(path string) bool { return path == "a.h5" || path == "b:c.h5" }
	for value, want := range map[string][2]string{
		"a.h5": {"a.h5", ""}, "a.h5:/x/y:z": {"a.h5", "/x/y:z"}, "b:c.h5": {"b:c.h5", ""}, "b:c.h5:x": {"b:c.h5", "x"},
		":/x": {"", "/x"}, "absent.h5:/x": {"absent.h5:/x", ""}, "": {"", ""},
	} {
		if file, place := source.Split(value, exists); file != want[0] || place != want[1] {
			t.Errorf("%q is %q and %q, want %q", value, file, place, want)
		}
	}
}

// TestMasksOfGoodPixels: where most pixels are marked, the others are the bad ones, and a remark says so.
func TestMasksOfGoodPixels(t *testing.T) {
	path := sourcetest.File{"good": ndarray.Wrap([]float32{1, 1, 0, 1}, 2, 2)}.Write(t, "good.h5")
	s, err := source.Open(path, source.Options{
		Library: hdf5test.Library(), Places: source.Places{Mask: source.Sole},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !slices.Equal(s.Facts.Bad.Data, []float32{0, 0, 1, 0}) || len(s.Facts.Remarks) != 1 ||
		!strings.Contains(s.Facts.Remarks[0], "marks 3 of 4 pixels") {
		t.Errorf("%v, %q", s.Facts.Bad.Data, s.Facts.Remarks)
	}
}

// TestPositionsByTheirNames: a file of positions needs no --x and --y if one pair of its arrays is named so.
func TestPositionsByTheirNames(t *testing.T) {
	options := source.Options{Library: hdf5test.Library(), Positions: true}
	motors := sourcetest.File{"samx_um": list(1, 2), "samy_um": list(3, 5), "epoch": list(0, 1)}
	s, err := source.Open(motors.Write(t, "motors.h5"), options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, errX := s.Float64s(source.X)
	y, errY := s.Float64s(source.Y)
	if errX != nil || errY != nil || !near(x[1], 2e-6) || !near(y[1], 5e-6) || !s.Facts.Metres {
		t.Errorf("%v, %v (%v, %v)", x, y, errX, errY)
	}
	two := motors.With("stage_x_um", list(1, 2)).With("stage_y_um", list(1, 2))
	for says, file := range map[string]sourcetest.File{
		"epoch, samx_um, samy_um, stage_x_um": two, "found epoch, samx_um, expected one pair": motors.With("samy_um",
			nil),
	} {
		if _, err := source.Open(file.Write(t, "motors.h5"), options); err == nil ||
			!strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "--x and --y") {
			t.Errorf("%v, without %q", err, says)
		}
	}
}

// TestWhatTheUserStates is not read from the file, whose number may be faulty.
func TestWhatTheUserStates(t *testing.T) {
	path := cxi().With(optics+"energy", 8000.0).Write(t, "ev.cxi") // eV where the format has joules
	if _, err := open(t, path); err == nil {
		t.Error("an energy in eV is accepted")
	}
	s, err := source.Open(path, source.Options{Library: hdf5test.Library(), Stated: source.Stated{Energy: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Facts.EnergyEV != 0 {
		t.Errorf("the energy %v is read", s.Facts.EnergyEV)
	}
}
