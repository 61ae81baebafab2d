package convert

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/dataset"
)

// scene is a scan with an object under it; patterns are square roots of whole counts, with one count beyond float32's
// whole numbers.
func scene() dataset.ScanData {
	d := dataset.ScanData{
		Patterns: ndarray.New[float32](4, 64, 64), X: []float64{32, 40.5, 33.25, 60}, Y: []float64{33, 32, 50.125, 61},
		Probe: ndarray.New[complex64](64, 64), Object: ndarray.New[complex64](100, 110), Index: []int64{0, 0, 1, 1},
	}
	for i := range d.Patterns.Data {
		d.Patterns.Data[i] = float32(math.Sqrt(float64(i * 37 % 100003)))
	}
	for i := range d.Probe.Data {
		d.Probe.Data[i] = complex(float32(i%64)/64, float32(i/64)/32)
	}
	for i := range d.Object.Data {
		d.Object.Data[i] = complex(1-float32(i%110)/200, float32(i/110)/150)
	}
	return d
}

func written(t *testing.T, d dataset.ScanData) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	return path
}

// pixels makes metres of the pixels of a scan that has none.
var pixels = dataset.View{PixelSizeNM: 12.5, EnergyEV: 8000, DistanceM: 2, DetectorPixelUM: 75}

func converted(t *testing.T, in, name string, o Options) (path, log string) {
	t.Helper()
	path, log, err := attempt(t, in, name, o)
	if err != nil {
		t.Fatal(err)
	}
	return path, log
}

func attempt(t *testing.T, in, name string, o Options) (path, log string, err error) {
	t.Helper()
	var b bytes.Buffer
	o.Log, o.View.Library = slog.New(slog.NewTextHandler(&b, nil)), hdf5test.Library()
	path = filepath.Join(t.TempDir(), name)
	_, err = File(in, path, o)
	return path, b.String(), err
}

func opened(t *testing.T, path string) *dataset.Scan {
	t.Helper()
	s, err := dataset.Open(path, dataset.Options{View: dataset.View{Library: hdf5test.Library()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// near compares pixels that went through metres: two roundings of a double each way.
func near(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) <= 1e-9 })
}

// TestScansRoundTrip: a scan that goes through another format and back is the same, to the last bit of its patterns.
func TestScansRoundTrip(t *testing.T) {
	d := scene()
	first := written(t, d)
	for _, tc := range []struct {
		name string
		to   Target
	}{{"scan.cxi", Auto}, {"scan.h5", PINN}, {"scan.npz", Auto}} {
		t.Run(tc.name, func(t *testing.T) {
			there, log := converted(t, first, tc.name, Options{To: tc.to, View: pixels})
			back, backLog := converted(t, there, "back.npz", Options{})
			if strings.Contains(log+backLog, "left out") {
				t.Errorf("log: %s%s", log, backLog)
			}
			s := opened(t, back)
			if !near(s.X, d.X) || !near(s.Y, d.Y) {
				t.Errorf("columns %v, rows %v", s.X, s.Y)
			}
			if !slices.Equal(s.Probe.Data, d.Probe.Data) || s.Object == nil ||
				!slices.Equal(s.Object.Data, d.Object.Data) {
				t.Error("probe or object differ")
			}
			all, err := s.Load()
			if err != nil || !slices.Equal(all.Data, d.Patterns.Data) {
				t.Errorf("patterns differ, %v", err)
			}
			g := s.Geometry
			if math.Abs(g.PixelX-12.5e-9) > 1e-18 || math.Abs(g.EnergyEV-8000) > 1e-9 || g.DistanceM != 2 ||
				math.Abs(g.DetectorPixelY-75e-6) > 1e-15 {
				t.Errorf("geometry %+v", g)
			}
		})
	}
}

// TestAScanWithoutAProbe becomes one in PtychoPINN's layout, with a warning.
func TestAScanWithoutAProbe(t *testing.T) {
	d := scene()
	bare := filepath.Join(t.TempDir(), "bare.npz")
	if err := npz.Write(bare, []npz.Member{{Key: "diff3d", Value: d.Patterns}, {Key: "xcoords", Value: d.X},
		{Key: "ycoords", Value: d.Y}}); err != nil {
		t.Fatal(err)
	}
	copied, log := converted(t, bare, "copy.npz", Options{})
	if !strings.Contains(log, "the scan has no probe, which PtychoPINN needs") {
		t.Errorf("log: %s", log)
	}
	s, err := dataset.Open(copied, dataset.Options{ProbeOptional: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if all, err := s.Load(); err != nil || !slices.Equal(all.Data, d.Patterns.Data) || s.Probe != nil {
		t.Errorf("patterns or probe differ, %v", err)
	}
}

// TestProductHoldsPositionsWherePtychodusLooks: x_pixel = (x - center_x)/pixel + W/2, for both containers.
func TestProductHoldsPositionsWherePtychodusLooks(t *testing.T) {
	d := scene()
	first := written(t, d)
	path, log := converted(t, first, "product.h5", Options{To: Product, View: pixels})
	if !strings.Contains(log, "left out") || !strings.Contains(log, "patterns") {
		t.Errorf("nothing said of the patterns: %s", log)
	}
	l, err := hdf5.Load(hdf5test.Library())
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list := func(name string) []float64 {
		ds, err := f.Dataset(name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := ds.Float64s()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	attribute := func(object, name string) float64 {
		v, present, err := f.AttributeFloat(object, name)
		if err != nil || !present {
			t.Fatalf("%s@%s: %v, %v", object, name, present, err)
		}
		return v
	}
	for _, axis := range []struct {
		positions, centre, pixel string
		size                     int
		want                     []float64
	}{{"probe_position_x_m", "center_x_m", "pixel_width_m", 110, d.X},
		{"probe_position_y_m", "center_y_m", "pixel_height_m", 100, d.Y}} {
		var got []float64
		for _, m := range list(axis.positions) {
			got = append(got, (m-attribute("object", axis.centre))/attribute("object", axis.pixel)+float64(axis.size)/2)
		}
		if !near(got, axis.want) {
			t.Errorf("%s: pixels %v, want %v", axis.positions, got, axis.want)
		}
	}
	for _, name := range []string{"probe_energy_eV", "detector_object_distance_m", "exposure_time_s",
		"tomography_angle_deg", "probe_photon_count", "mass_attenuation_m2_kg"} {
		attribute("/", name)
	}
	if probe, err := f.Dataset("probe"); err != nil || !slices.Equal(probe.Shape, []int{1, 1, 64, 64}) {
		t.Errorf("probe %v, %v", probe, err)
	}
	if object, err := f.Dataset("object"); err != nil || !slices.Equal(object.Shape, []int{1, 100, 110}) {
		t.Errorf("object %v, %v", object, err)
	}
}

// TestResultsRoundTrip: probe, object and positions of a result that begins anywhere in the scan's frame.
func TestResultsRoundTrip(t *testing.T) {
	d := scene()
	path := filepath.Join(t.TempDir(), "reconstruction.npz")
	modes := ndarray.New[complex64](2, 64, 64)
	copy(modes.Data, d.Probe.Data)
	if err := npz.Write(path, []npz.Member{
		{Key: "object", Value: d.Object}, {Key: "origin", Value: []int64{-3, 5}}, {Key: "xcoords", Value: d.X},
		{Key: "ycoords", Value: d.Y},
		{Key: "scan_index", Value: []int64{9, 2, 4, 7}}, {Key: "probeGuess", Value: modes},
	}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		to   Target
	}{{"product.h5", Auto}, {"product.npz", Product}, {"result.cxi", Auto}} {
		t.Run(tc.name, func(t *testing.T) {
			there, _ := converted(t, path, tc.name, Options{To: tc.to, View: pixels})
			c, err := read(
				there,
				Options{View: dataset.View{Library: hdf5test.Library()}, Log: slog.New(slog.DiscardHandler)},
			)
			if err != nil {
				t.Fatal(err)
			}
			// The object begins at pixel 0 there.
			if x, y := minus(c.x, -5), minus(c.y, 3); !near(x, d.X) || !near(y, d.Y) {
				t.Errorf("columns %v, rows %v", x, y)
			}
			if !slices.Equal(c.index, []int64{9, 2, 4, 7}) || !slices.Equal(c.probe.Data, modes.Data) ||
				!slices.Equal(c.object.Data, d.Object.Data) {
				t.Errorf("index %v, or probe or object differ", c.index)
			}
		})
	}
}

// TestObjectOfAnotherFile: the object of a reconstruction is written with its scan and begins at pixel 0.
func TestObjectOfAnotherFile(t *testing.T) {
	d := scene()
	object := filepath.Join(t.TempDir(), "reconstruction.npz")
	if err := npz.Write(object, []npz.Member{{Key: "object", Value: d.Object},
		{Key: "origin", Value: []int64{-3, 5}}}); err != nil {
		t.Fatal(err)
	}
	d.Object = nil
	path, _ := converted(t, written(t, d), "with.npz", Options{To: PINN, ObjectFile: object})
	s := opened(t, path)
	if !near(minus(s.X, -5), d.X) || !near(minus(s.Y, 3), d.Y) || s.Object == nil {
		t.Errorf("columns %v, rows %v", s.X, s.Y)
	}
	if _, _, err := attempt(t, written(t, d), "product.h5", Options{To: Product, View: pixels}); err == nil ||
		!strings.Contains(err.Error(), "found no object") {
		t.Errorf("a product without an object: %v", err)
	}
}

// TestPatternsAreCounts: the patterns written for ptychodus are exact counts.
func TestPatternsAreCounts(t *testing.T) {
	d := scene()
	first := written(t, d)
	h5, log := converted(t, first, "patterns.h5", Options{To: Patterns})
	if !strings.Contains(log, "left out") {
		t.Errorf("log: %s", log)
	}
	archive, _ := converted(t, first, "patterns.npz", Options{To: Patterns})
	file, err := npz.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	counts, err := file.Float32("patterns")
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range counts.Data {
		if want := float32(i * 37 % 100003); v != want {
			t.Fatalf("%v at %d, want %v", v, i, want)
		}
	}
	product, _ := converted(t, first, "product.h5", Options{To: Product, View: pixels})
	for _, patterns := range []string{h5, archive} {
		s, err := dataset.Open(
			patterns,
			dataset.Options{
				ProbeFile: product,
				View:      dataset.View{Library: hdf5test.Library(), PositionsFile: product},
			},
		)
		if err != nil {
			t.Fatal(err)
		}
		all, err := s.Load()
		if err != nil || !slices.Equal(all.Data, d.Patterns.Data) || !near(s.X, d.X) || !near(s.Y, d.Y) {
			t.Errorf("%s: patterns or positions differ, %v", filepath.Base(patterns), err)
		}
		s.Close()
	}
}

func TestPictures(t *testing.T) {
	first := written(t, scene())
	for name, start := range map[string]string{"object.png": "\x89PNG", "object.tif": "II*\x00"} {
		path, log := converted(t, first, name, Options{})
		content, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(content), start) || !strings.Contains(log, "left out") {
			t.Errorf("%s: %v, log %s", name, err, log)
		}
	}
}

// TestConversionsRepeatTheirBytes: a conversion repeats itself, also when the clock's second has passed.
func TestConversionsRepeatTheirBytes(t *testing.T) {
	first := written(t, scene())
	for _, tc := range []struct {
		name string
		to   Target
	}{{"a.cxi", Auto}, {"a.h5", Product}, {"a.h5", PINN}, {"a.npz", Product}, {"a.tif", Auto}, {"a.png", Auto}} {
		t.Run(fmt.Sprint(tc.name, tc.to), func(t *testing.T) {
			t.Parallel()
			var content [2][]byte
			for i := range content {
				path, _ := converted(t, first, tc.name, Options{To: tc.to, View: pixels})
				content[i], _ = os.ReadFile(path)
				time.Sleep(1100 * time.Millisecond)
			}
			if len(content[0]) == 0 || !bytes.Equal(content[0], content[1]) {
				t.Error("other bytes")
			}
		})
	}
}

func TestViolations(t *testing.T) {
	d := scene()
	first := written(t, d)
	bare := filepath.Join(t.TempDir(), "bare.npz")
	if err := npz.Write(bare, []npz.Member{{Key: "object", Value: d.Object},
		{Key: "origin", Value: []int64{0, 0}}}); err != nil {
		t.Fatal(err)
	}
	dark := d
	dark.Patterns = d.Patterns.Clone()
	dark.Patterns.Data[5] = float32(math.NaN())
	nan := written(t, dark)
	for _, tc := range []struct {
		name, in, out string
		o             Options
		want          string
	}{
		{"no such file", "absent.npz", "a.cxi", Options{}, "absent.npz: found no such file"},
		{"no such format", first, "a.mat", Options{}, `OUT: found the extension ".mat", expected .npz, .h5`},
		{"the wrong extension", first, "a.npz", Options{To: CXI},
			`found the extension ".npz", expected .cxi, .h5, .hdf5 for --to cxi`},
		{"a choice", first, "a.h5", Options{View: pixels}, "--to: found nothing, expected pinn"},
		{"metres unknown", first, "a.cxi", Options{}, "give --pixel-size-nm"},
		{"no patterns", bare, "a.npz", Options{To: PINN}, "found no patterns"},
		{"no probe", bare, "a.h5", Options{To: Product}, "found no probe"},
		{"crop of a result", bare, "a.tif", Options{View: dataset.View{Bin: 2}}, "expected a scan for --crop"},
		{"NaN in the patterns", nan, "a.npz", Options{}, "found NaN in frame 0"},
		{"NaN, to HDF5", nan, "a.cxi", Options{View: pixels}, "found NaN in frame 0"},
		{"no folder", first, filepath.Join("nowhere", "a.npz"), Options{}, "found no directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			path, _, err := attempt(t, tc.in, tc.out, tc.o)
			var bad *badinput.Error
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("a %T: %v", err, err)
			}
			if entries, err := os.ReadDir(filepath.Dir(path)); err == nil && len(entries) > 0 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
	if _, err := File(first, first, Options{}); err == nil || !strings.Contains(err.Error(), "found the input itself") {
		t.Errorf("over itself: %v", err)
	}
}
