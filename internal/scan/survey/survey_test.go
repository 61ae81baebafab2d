package survey_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/scan/source"
	"ptyx/internal/scan/source/sourcetest"
	"ptyx/internal/scan/survey"
)

// grid are the positions of 6 x 6 points with a step, column or row.
func grid(step float32, row bool) *ndarray.Float32 {
	a := ndarray.New[float32](36)
	for i := range a.Data {
		a.Data[i] = step * float32(i%6)
		if row {
			a.Data[i] = step * float32(i/6)
		}
	}
	return a
}

func patterns(shape ...int) *ndarray.Float32 { return ndarray.New[float32](shape...) }

// of surveys files, whose paths the command then has without their folders.
func of(t *testing.T, paths ...string) (*survey.Survey, string) {
	t.Helper()
	s, err := survey.Files(paths, source.Options{Library: hdf5test.Library()})
	if err != nil {
		t.Fatal(err)
	}
	command := strings.Join(s.Command, " ")
	for _, p := range paths {
		command = strings.ReplaceAll(command, filepath.Dir(p)+"/", "")
	}
	return s, command
}

// TestCommands: of files as beamlines write them, the command reads every array that is there, with its unit.
func TestCommands(t *testing.T) {
	frames := patterns(36, 32, 32)
	probe := ndarray.New[complex64](32, 32)
	for name, tt := range map[string]struct {
		file sourcetest.File
		want string // between the file and --save-layout
	}{
		"a known layout": {sourcetest.File{
			"diff3d": frames, "xcoords": grid(1, false), "ycoords": grid(1, true), "probeGuess": probe,
		}, ""},
		"positions beside a known layout": {sourcetest.File{
			"entry/data/data": frames, "entry/data/X_Position": grid(1, false), "entry/data/Y_Position": grid(1, true),
			"entry/data/X_Position@units": "um", "entry/data/Y_Position@units": "um",
		}, "--x entry/data/X_Position --y entry/data/Y_Position"},
		"readbacks, not setpoints": {sourcetest.File{
			"scan/eiger": frames, "scan/x_set": grid(1, false), "scan/y_set": grid(1, true), "scan/x_rbv": grid(1,
				false),
			"scan/y_rbv": grid(1, true), "scan/flat": patterns(36, 64, 64),
		}, "--patterns scan/eiger --x scan/x_rbv --y scan/y_rbv --unit um"},
		"units that are guessed by the step": {sourcetest.File{
			"scan/frames": frames, "m/samx": grid(2e-4, false), "m/samy": grid(2e-4, true),
		}, "--patterns scan/frames --x m/samx --y m/samy --unit mm"},
		"motors of odd names": {sourcetest.File{
			"1.1/data": frames, "1.1/nnp2": grid(1, false), "1.1/nnp3": grid(1, true), "1.1/epoch": grid(1, true),
			"1.1/nnp2@units": "um", "1.1/nnp3@units": "um", "1.1/epoch@units": "s",
		}, "--patterns 1.1/data --x 1.1/nnp2 --y 1.1/nnp3"},
		"a raster": {sourcetest.File{
			"c/cube": patterns(3, 12, 32, 32), "c/x_um": patternsOf(12), "c/y_um": patternsOf(3),
		}, "--patterns c/cube --x c/x_um --y c/y_um"},
		"points": {sourcetest.File{
			"c/frames": frames, "c/translation": patternsOf(36, 3), "c/translation@units": "m",
		}, "--patterns c/frames --positions-file :c/translation"},
		"groups of motors": {sourcetest.File{
			"c/frames": frames, "c/lab_x/value": grid(1, false), "c/lab_y/value": grid(1, true),
			"c/lab_x/value@units": "um", "c/lab_y/value@units": "um",
		}, "--patterns c/frames --x c/lab_x/value --y c/lab_y/value"},
		"mask, probe and optics": {sourcetest.File{
			"c/frames": frames, "c/x_um": grid(1, false), "c/y_um": grid(1, true), "det/pixel_mask": patterns(32, 32),
			"other_mask": patterns(16, 16), "guess/probe": probe, "guess/object": ndarray.New[complex64](64, 64),
			"mono/energy": 8.5, "det/threshold_energy": 4.25, "det/detector_distance": 1950.0,
			"det/detector_distance@units": "mm", "det/x_pixel_size": 75e-6, "source/distance": 40.0,
		}, "--patterns c/frames --x c/x_um --y c/y_um --mask :det/pixel_mask --probe-file :guess/probe " +
			"--energy-ev 8500 --distance-m 1.95 --detector-pixel-um 75"},
		"names that say little, but units": {sourcetest.File{
			"c/frames": frames, "c/x_um": grid(1, false), "c/y_um": grid(1, true), "beam/photon_E": 1.3e-15,
			"beam/photon_E@units": "J", "geom/camera_length": 1500.0, "geom/camera_length@units": "mm",
			"geom/pix": 55.0, "geom/pix@units": "um",
		}, "--patterns c/frames --x c/x_um --y c/y_um --energy-ev 8113.96 --distance-m 1.5 --detector-pixel-um 55"},
		"joules without a unit": {sourcetest.File{"c/frames": frames, "c/energy": 1.3e-15},
			"--patterns c/frames --energy-ev 8113.96"},
		"points with a number": {sourcetest.File{
			"c/frames": frames, "c/stage_points": numbered(36), "c/stage_points@units": "um",
		}, "--patterns c/frames --positions-file :c/stage_points --x 1 --y 2"},
		"an aborted scan": {sourcetest.File{
			"c/frames": patterns(30, 32, 32), "c/points": patternsOf(36, 2), "c/points@units": "m",
		}, "--patterns c/frames --positions-file :c/points"},
		"an odd side":        {sourcetest.File{"c/frames": patterns(4, 65, 65)}, "--patterns c/frames --crop auto"},
		"an oblong detector": {sourcetest.File{"c/frames": patterns(4, 40, 64)}, "--patterns c/frames --crop auto"},
		"a large detector":   {sourcetest.File{"c/frames": patterns(2, 320, 320)}, "--patterns c/frames --crop auto"},
		"steps of reciprocal and real space": {sourcetest.File{
			"c/frames": frames, "calibration/Q_pixel_size": 0.02, "calibration/Q_pixel_units": "A^-1",
			"calibration/R_pixel_size": 1.5, "c/pixel_size": 0.02, "c/pixel_size@units": "1/nm",
		}, "--patterns c/frames"},
		"a wavelength": {sourcetest.File{
			"c/frames": frames, "beam/incident_wavelength": 1.0, "beam/incident_wavelength@units": "angstrom",
		}, "--patterns c/frames --energy-ev 12398.4"},
	} {
		_, command := of(t, tt.file.Write(t, "scan.h5"))
		want := strings.Join(strings.Fields("ptyx validate scan.h5 "+tt.want+" --save-layout scan.yaml"), " ")
		if command != want {
			t.Errorf("%s:\n%s, want\n%s", name, command, want)
		}
	}
}

// patternsOf is an array of numbers that differ.
func patternsOf(shape ...int) *ndarray.Float32 {
	a := ndarray.New[float32](shape...)
	for i := range a.Data {
		a.Data[i] = 1e-6 * float32(i%7)
	}
	return a
}

// numbered are points (m, 3) whose first column counts them.
func numbered(m int) *ndarray.Float32 {
	a := patternsOf(m, 3)
	for i := range m {
		a.Data[3*i] = float32(i + 1)
	}
	return a
}

// TestTooFewPositions: the page names the array that has too few. It states the unit of the patterns, and marks the one
// that it guesses.
func TestTooFewPositions(t *testing.T) {
	s, _ := of(t, sourcetest.File{
		"c/frames": patterns(40, 32, 32), "c/x_um": grid(1, false), "c/y_um": grid(1, true), "c/energy": 8.0,
		"c/frames@units": "photons/s",
	}.Write(t, "scan.h5"))
	var text strings.Builder
	if err := s.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		"the likeliest array, c/x_um, has 36 for 40 frames", "8000 eV, the unit is a guess", "f4, photons/s",
	} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("no %q in\n%s", part, text.String())
		}
	}
}

// TestSeveralFiles: the positions of a text file win over those of the scan, and a mask comes from its own file.
func TestSeveralFiles(t *testing.T) {
	scan := sourcetest.File{
		"entry/data/data": patterns(36, 32, 32), "x_um": grid(1, false), "y_um": grid(1, true),
	}.Write(t, "scan.h5")
	gaps := sourcetest.File{"bad_mask": patterns(32, 32)}.Write(t, "gaps.h5")
	var text strings.Builder
	text.WriteString("frame X_um Y_um\n")
	for i := range 36 {
		fmt.Fprintf(&text, "%d %d 2\n", i, i%6)
	}
	positions := filepath.Join(t.TempDir(), "stage.txt")
	if err := os.WriteFile(positions, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	_, command := of(t, scan, positions, gaps)
	want := "ptyx validate scan.h5 --positions-file stage.txt --mask gaps.h5:bad_mask --save-layout scan.yaml"
	if command != want {
		t.Errorf("%s, want %s", command, want)
	}
}

// TestTextIsBounded: a file of many groups, rings of links and names with control characters gives a page.
func TestTextIsBounded(t *testing.T) {
	file := sourcetest.File{"0 ring": sourcetest.Link("/0 ring"), "0 up": sourcetest.Link("/"), "a\x1b[2Jb": list(1, 2)}
	for i := range 300 {
		group := "g" + string(rune('a'+i/26%26)) + string(rune('a'+i%26))
		file[group+"/x"] = list(1, 2)
	}
	s, command := of(t, file.Write(t, "many.h5"))
	var text strings.Builder
	if err := s.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(text.String(), "\n"); lines > 230 || strings.Contains(text.String(), "\x1b") ||
		command != "" {
		t.Errorf("%d lines, command %q:\n%s", lines, command, text.String())
	}
	for _, part := range []string{"other entries; --json lists them", "not found", "patterns: no command", "-> /"} {
		if !strings.Contains(text.String(), part) {
			t.Errorf("no %q in\n%s", part, text.String())
		}
	}
}

func list(values ...float32) *ndarray.Float32 { return ndarray.Wrap(values, len(values)) }

// TestFaults: what is no file of arrays is one sentence.
func TestFaults(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.h5")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, filepath.Join(t.TempDir(), "absent.h5")} {
		_, err := survey.Files([]string{path}, source.Options{Library: hdf5test.Library()})
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("%v", err)
		}
	}
}
