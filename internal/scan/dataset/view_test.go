package dataset

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/hdf5/hdf5test"
	"ptyx/internal/format/npz/npztest"
	"ptyx/internal/scan/source"
	"ptyx/internal/scan/source/sourcetest"
)

// container is an HDF5 file of members, which tests change before they write it.
type container sourcetest.File

func (c container) with(path string, value any) container {
	return container(sourcetest.File(c).With(path, value))
}

func (c container) file(t testing.TB, name string) string { return sourcetest.File(c).Write(t, name) }

type link = sourcetest.Link

func openView(t testing.TB, path string, v View) (*Scan, string, error) {
	t.Helper()
	var log bytes.Buffer
	v.Library = hdf5test.Library()
	s, err := Open(path, Options{View: v, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, log.String(), err
}

func mustOpen(t testing.TB, path string, v View) *Scan {
	t.Helper()
	s, _, err := openView(t, path, v)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// counts are m patterns of h x w pixels whose values tell pattern and pixel.
func counts(m, h, w int) *ndarray.Float32 {
	a := ndarray.New[float32](m, h, w)
	for i := range a.Data {
		a.Data[i] = float32(i/(h*w)*1000 + i%(h*w)%97)
	}
	return a
}

func probeOfOnes(shape ...int) *ndarray.Complex64 {
	p := ndarray.New[complex64](shape...)
	for i := range p.Data {
		p.Data[i] = 1 + 1i
	}
	return p
}

// Of this experiment an object's pixel is 10 nm wide with patterns of 64 pixels.
const (
	energyEV      = 8000.0
	detectorPixel = 75e-6
	objectPixel   = 10e-9
)

func distance() float64 { return objectPixel * 64 * detectorPixel / source.Wavelength(energyEV) }

// cxiScan is a CXI file with three patterns. The beam was at columns 32, 42, 32 and rows 32, 32, 52; the sample moved
// the other way.
func cxiScan() container {
	move := ndarray.New[float32](3, 3)
	copy(move.Data, []float32{0, 0, 5, -100e-9, 0, 5, 0, -200e-9, 5})
	const detector = "entry_1/instrument_1/detector_1/"
	return container{
		"cxi_version": int64(160), "number_of_entries": int64(1),
		detector + "data": counts(3, 64, 64), detector + "distance": distance(),
		detector + "x_pixel_size": detectorPixel, detector + "y_pixel_size": detectorPixel,
		"entry_1/instrument_1/source_1/energy":       source.Joules(energyEV),
		"entry_1/instrument_1/source_1/illumination": probeOfOnes(64, 64),
		"entry_1/sample_1/geometry_1/translation":    move,
		"entry_1/data_1/data":                        link("/entry_1/instrument_1/detector_1/data"),
		"entry_1/data_1/translation":                 link("/entry_1/sample_1/geometry_1/translation"),
	}
}

// closeTo compares pixels; positions are float32 metres in these files, so a part in 1e7 of some hundred pixels is
// lost.
func closeTo(got, want []float64) bool {
	return slices.EqualFunc(got, want, func(a, b float64) bool { return math.Abs(a-b) <= 1e-4 })
}

func TestCXI(t *testing.T) {
	s := mustOpen(t, cxiScan().file(t, "scan.cxi"), View{})
	if s.M != 3 || s.N != 64 || s.Input != Intensity {
		t.Errorf("M %d, N %d, %v", s.M, s.N, s.Input)
	}
	if !closeTo(s.X, []float64{32, 42, 32}) || !closeTo(s.Y, []float64{32, 32, 52}) {
		t.Errorf("columns %v, rows %v", s.X, s.Y)
	}
	if math.Abs(s.Geometry.PixelX-objectPixel) > 1e-15 || math.Abs(s.Geometry.EnergyEV-energyEV) > 1e-6 {
		t.Errorf("geometry %+v", s.Geometry)
	}
	all, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range counts(3, 64, 64).Data {
		if want := float32(math.Sqrt(float64(v))); all.Data[i] != want {
			t.Fatalf("%v at %d, want %v", all.Data[i], i, want)
		}
	}
	direct, err := s.Access([]int{2, 0}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close()
	frame := make([]float32, 64*64)
	if err := direct.Read(2, frame); err != nil || !slices.Equal(frame, all.Data[2*64*64:]) {
		t.Errorf("pattern 2 by itself differs, %v", err)
	}
}

// TestSenseOfTheAxes: each way of turning the axes moves the second and third position to their place.
func TestSenseOfTheAxes(t *testing.T) {
	yes, no := true, false
	path := cxiScan().file(t, "scan.cxi")
	pixels := validScan(3).with(npztest.Real(KeyX, "<f8", []float64{32, 42, 32}, 3),
		npztest.Real(KeyY, "<f8", []float64{32, 32, 52}, 3)).file(t)
	for _, tc := range []struct {
		name string
		view View
		x, y []float64
	}{
		{"as it is", View{}, []float64{32, 42, 32}, []float64{32, 32, 52}},
		{"flip x", View{FlipX: true}, []float64{42, 32, 42}, []float64{32, 32, 52}},
		{"flip y", View{FlipY: true}, []float64{32, 42, 32}, []float64{52, 52, 32}},
		{"swap", View{SwapXY: true}, []float64{32, 32, 52}, []float64{32, 42, 32}},
		{"swap, then flip", View{SwapXY: true, FlipX: true}, []float64{52, 52, 32}, []float64{32, 42, 32}},
	} {
		for _, file := range []string{path, pixels} {
			if s := mustOpen(t, file, tc.view); !closeTo(s.X, tc.x) || !closeTo(s.Y, tc.y) ||
				!slices.Equal(s.X, s.XStart) {
				t.Errorf("%s, %s: columns %v, rows %v, start %v", tc.name, filepath.Ext(file), s.X, s.Y, s.XStart)
			}
		}
	}
	turned := func(s *Scan) bool {
		return closeTo(s.X, []float64{42, 32, 42}) && closeTo(s.Y, []float64{52, 52, 32})
	}
	if s := mustOpen(t, path, View{SampleMotion: &no}); !turned(s) {
		t.Errorf("a CXI file's positions as the beam's: %v, %v", s.X, s.Y)
	}
	if s := mustOpen(t, pixels, View{SampleMotion: &yes}); !turned(s) {
		t.Errorf("pixels of the sample's motion: %v, %v", s.X, s.Y)
	}
	if s := mustOpen(t, path, View{SampleMotion: &yes}); !closeTo(s.X, []float64{32, 42, 32}) {
		t.Errorf("what the format says anyhow: %v", s.X)
	}
}

func TestCropAndBin(t *testing.T) {
	raw := counts(2, 140, 160)
	move := ndarray.New[float32](2, 3)
	copy(move.Data, []float32{0, 0, 0, -100e-9, 0, 0})
	c := cxiScan().with("entry_1/instrument_1/detector_1/data", raw).with("entry_1/sample_1/geometry_1/translation",
		move).
		with("entry_1/instrument_1/source_1/illumination", probeOfOnes(64, 64))
	at := func(j, r, c int) float64 { return float64(raw.Data[(j*140+r)*160+c]) }
	for _, tc := range []struct {
		name string
		view View
		want func(j, r, c int) float64
	}{
		{"the middle", View{Crop: Crop{Size: 64, Centred: true}},
			func(j, r, c int) float64 { return at(j, r+70-32, c+80-32) }},
		{"around a pixel", View{Crop: Crop{Size: 64, Row: 60, Col: 100}},
			func(j, r, c int) float64 { return at(j, r+60-32, c+100-32) }},
		{"binned", View{Crop: Crop{Size: 128, Centred: true}, Bin: 2}, func(j, r, c int) float64 {
			r, c = 2*r+70-64, 2*c+80-64
			return at(j, r, c) + at(j, r+1, c) + at(j, r, c+1) + at(j, r+1, c+1)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := mustOpen(t, c.file(t, "scan.cxi"), tc.view)
			all, err := s.Load()
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range all.Data {
				want := float32(math.Sqrt(tc.want(i/4096, i%4096/64, i%64)))
				if v != want {
					t.Fatalf("%v at %d, want %v", v, i, want)
				}
			}
			// The object's pixel and its frame depend on the part of the detector, not on the binning.
			side := float64(64 * max(1, tc.view.Bin))
			pixel := objectPixel * 64 / side
			if math.Abs(s.Geometry.PixelX-pixel) > 1e-15 || !closeTo(s.X, []float64{side / 2, side/2 + 100e-9/pixel}) {
				t.Errorf("pixel %g, want %g; columns %v", s.Geometry.PixelX, pixel, s.X)
			}
		})
	}
	// Amplitudes are binned as intensities, too, whatever the file.
	amplitudes := npztest.Real(KeyPatterns, "<f4", frames(1, 128), 1, 128, 128)
	s := mustOpen(t, validScan(1).with(amplitudes).file(t), View{Bin: 2})
	all, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	a, b, d, e := pixel(0, 0), pixel(0, 1), pixel(0, 128), pixel(0, 129)
	if want := float32(math.Sqrt(a*a + b*b + d*d + e*e)); math.Abs(float64(all.Data[0]-want)) > 1e-6 {
		t.Errorf("binned amplitude %v, want %v", all.Data[0], want)
	}
}

func TestMaskedPixels(t *testing.T) {
	data := counts(3, 64, 64)
	data.Data[10*64+10] = -2                     // masked
	data.Data[64*64+10*64+10] = float32(1 << 31) // in another pattern, too
	data.Data[20*64+20] = -1                     // a count below 0 that no mask names
	mask := &hdf5.Unsigned{Shape: []int{64, 64}, Data: make([]uint32, 64*64)}
	mask.Data[10*64+10] = 1 << 3
	mask.Data[30*64+30] = 0x1000 // has a signal: good
	s, log, err := openView(t, cxiScan().with("entry_1/instrument_1/detector_1/data",
		data).with("entry_1/instrument_1/detector_1/mask", mask).file(t, "scan.cxi"), View{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	mean := 0.0
	for r := 9; r <= 11; r++ {
		for c := 9; c <= 11; c++ {
			if r != 10 || c != 10 {
				mean += float64(data.Data[64*64+r*64+c]) / 8
			}
		}
	}
	if got := float64(all.Data[64*64+10*64+10]); math.Abs(got*got-mean) > 1e-3 {
		t.Errorf("a masked pixel is %v counts, want the mean %v", got*got, mean)
	}
	if all.Data[20*64+20] != 0 || all.Data[30*64+30] != float32(math.Sqrt(float64(data.Data[30*64+30]))) {
		t.Errorf("below 0: %v, masked good: %v", all.Data[20*64+20], all.Data[30*64+30])
	}
	if !strings.Contains(log, "masked pixels take the mean") || !strings.Contains(log, "pixels=1") {
		t.Errorf("log: %s", log)
	}
	for i, m := range s.Measured {
		if m != (i != 10*64+10) {
			t.Errorf("pixel %d was measured: %v", i, m)
		}
	}
	if s := mustOpen(t, cxiScan().file(t, "scan.cxi"), View{}); s.Measured != nil {
		t.Error("a file without a mask has one")
	}
}

// TestMeasuredPixelsOfAView: a pixel of which a part is masked was not measured, wherever the view has it.
func TestMeasuredPixelsOfAView(t *testing.T) {
	mask := &hdf5.Unsigned{Shape: []int{140, 160}, Data: make([]uint32, 140*160)}
	mask.Data[20*160+31] = 1 // row 10, column 11 of what is cut out
	mask.Data[2*160+3] = 1   // not cut out
	c := cxiScan().with("entry_1/instrument_1/detector_1/data",
		counts(3, 140, 160)).with("entry_1/instrument_1/detector_1/mask", mask)
	for _, tt := range []struct {
		view View
		at   int
	}{
		{View{Crop: Crop{Size: 64, Row: 42, Col: 52}}, 10*64 + 11},
		{View{Crop: Crop{Size: 128, Row: 74, Col: 84}, Bin: 2}, 5*64 + 5},
	} {
		s := mustOpen(t, c.file(t, "scan.cxi"), tt.view)
		for i, m := range s.Measured {
			if len(s.Measured) != 64*64 || m != (i != tt.at) {
				t.Errorf("%+v: of %d pixels, %d was measured: %v", tt.view, len(s.Measured), i, m)
			}
		}
	}
	for i := range mask.Data {
		mask.Data[i] = 1
	}
	if _, _, err := openView(t, c.file(t, "scan.cxi"), View{Crop: Crop{Size: 64, Centred: true}}); err == nil ||
		!strings.Contains(err.Error(), "found a mask that leaves no pixel") {
		t.Errorf("a mask of everything: %v", err)
	}
}

func TestDarkCountsAndCeiling(t *testing.T) {
	dark := ndarray.New[float32](2, 64, 64)
	for i := range dark.Data {
		dark.Data[i] = float32(2 * (i / 4096)) // mean 1
	}
	data := &hdf5.Unsigned{Shape: []int{1, 64, 64}, Data: make([]uint32, 4096)}
	for i := range data.Data {
		data.Data[i] = 10
	}
	data.Data[7] = math.MaxUint32 // a gap of the detector
	one := ndarray.New[float32](1, 3)
	s := mustOpen(t, cxiScan().with("entry_1/instrument_1/detector_1/data",
		data).with("entry_1/instrument_1/detector_1/data_dark", dark).
		with("entry_1/sample_1/geometry_1/translation", one).file(t, "scan.cxi"), View{})
	all, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range all.Data {
		if v != 3 {
			t.Fatalf("%v at %d, want 3", v, i)
		}
	}
}

// TestPositionsOfAnotherFile joins patterns with a ptychodus product by the numbers that both carry.
func TestPositionsOfAnotherFile(t *testing.T) {
	patterns := container{"patterns": counts(3, 64, 64), "indexes": []int64{7, 5, 9}}
	product := container{
		"probe_position_indexes": []int64{5, 6, 7, 8, 9}, "probe_position_x_m": []float64{0, 1, -1e-7, 1, 3e-7},
		"probe_position_y_m": []float64{0, 1, 0, 1, 1e-7},
		"object":             probeOfOnes(1, 200, 300), "probe": probeOfOnes(1, 2, 64, 64),
		"object@pixel_width_m": 1e-8, "object@pixel_height_m": 2e-8, "object@center_x_m": 1e-7,
		"object@center_y_m": 0.0, "/@probe_energy_eV": energyEV,
	}
	other := product.file(t, "product.h5")
	var log bytes.Buffer
	s, err := Open(patterns.file(t, "patterns.h5"), Options{
		View: View{Library: hdf5test.Library(), PositionsFile: other}, ProbeFile: other,
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// Columns (x - 1e-7)/1e-8 + 150, rows y/2e-8 + 100.
	if !closeTo(s.X, []float64{130, 140, 170}) || !closeTo(s.Y, []float64{100, 100, 105}) {
		t.Errorf("columns %v, rows %v", s.X, s.Y)
	}
	if s.Geometry.PixelX != 1e-8 || s.Geometry.PixelY != 2e-8 || s.Geometry.EnergyEV != energyEV ||
		!strings.Contains(log.String(), "only the first probe mode") {
		t.Errorf("geometry %+v, log %s", s.Geometry, &log)
	}
	short := product.with("probe_position_indexes", []int64{5, 6, 7, 8, 10}).file(t, "short.h5")
	if _, _, err := openView(t, patterns.file(t, "patterns.h5"), View{PositionsFile: short}); err == nil ||
		!strings.Contains(err.Error(), "found no position with the number 9") {
		t.Errorf("a pattern without a position: %v", err)
	}
}

func TestNSLS(t *testing.T) {
	points := ndarray.New[float32](2, 3)
	copy(points.Data, []float32{1, 1.1, 1, 2, 2, 2.2})
	c := container{"diffamp": counts(3, 64, 64), "points": points, "z_m": distance(),
		"lambda_nm": 1e9 * source.Wavelength(energyEV), "ccd_pixel_um": 75.0, "probe": probeOfOnes(64, 64)}
	s := mustOpen(t, c.file(t, "hxn.h5"), View{})
	if s.Input != Amplitude || math.Abs(s.X[1]-s.X[0]-10) > 1e-3 || math.Abs(s.Y[2]-s.Y[0]-20) > 1e-3 ||
		math.Abs(slices.Min(s.X)-32) > 1e-3 {
		t.Errorf("%v, columns %v, rows %v", s.Input, s.X, s.Y)
	}
	dp := container{"dp": counts(3, 64, 64), "points": points, "probe": probeOfOnes(64, 64)}
	if s := mustOpen(t, dp.file(t, "dp.h5"), View{PixelSizeNM: 10}); s.Input != Intensity ||
		math.Abs(s.X[1]-s.X[0]-10) > 1e-3 {
		t.Errorf("%v, columns %v", s.Input, s.X)
	}
}

// TestTheSameInBothContainers: PtychoPINN's arrays in an HDF5 file are the scan that they are in an NPZ file.
func TestTheSameInBothContainers(t *testing.T) {
	patterns := ndarray.New[float32](4, 64, 64)
	for i, v := range frames(4, 64) {
		patterns.Data[i] = float32(v)
	}
	c := container{KeyPatterns: patterns, KeyX: column(4), KeyY: column(4), KeyProbe: probeOfOnes(64, 64),
		"group/other": 1.0}
	digest := func(s *Scan) string {
		d, err := s.ContentDigest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	npzScan, _ := validScan(4).open(t, Options{})
	if a, b := digest(mustOpen(t, c.file(t, "scan.h5"), View{})), digest(npzScan); a != b {
		t.Errorf("digests %s and %s", a, b)
	}
}

func TestViewViolations(t *testing.T) {
	cxi := cxiScan()
	const data, energy = "entry_1/instrument_1/detector_1/data", "entry_1/instrument_1/source_1/energy"
	complexData := ndarray.New[complex64](3, 64, 64)
	for _, tc := range []struct {
		name string
		file container
		view View
		want []string
	}{
		{"no part of that size", cxi, View{Crop: Crop{Size: 128, Centred: true}},
			[]string{"entry_1/data_1/data: found patterns of 64 x 64 pixels, expected at least those of --crop 128"}},
		{"a part beyond the edge", cxi, View{Crop: Crop{Size: 64, Row: 40, Col: 32}},
			[]string{"--crop 64@40,32: rows 8 to 71"}},
		{"no multiple", cxi, View{Bin: 3}, []string{"a multiple of --bin 3"}},
		{"too small", cxi, View{Bin: 4},
			[]string{"patterns of 16 x 16 pixels, expected an even number", "for example, take --crop 64 --bin 2"}},
		{"bin below 0", cxi, View{Bin: -1}, []string{"--bin: found -1"}},
		{"energy in eV", cxi.with(energy, 8000.0), View{},
			[]string{"source_1/energy: found 8000, expected joules", "write 1.28174e-15"}},
		{"no energy", cxi.with(energy, nil), View{},
			[]string{"translation: found positions in metres, but no pixel size", "--pixel-size-nm"}},
		{"no patterns", cxi.with(data, nil).with("entry_1/data_1/data", nil), View{},
			[]string{"no diffraction patterns"}},
		{"complex patterns", cxi.with(data, complexData), View{},
			[]string{"entry_1/data_1/data: found complex values"}},
		{"rank 2", cxi.with(data, ndarray.New[float32](64, 64)), View{},
			[]string{"found shape (64, 64), expected square patterns, shape (M, N, N)"}},
		{"no probe", cxi.with("entry_1/instrument_1/source_1/illumination", nil), View{},
			[]string{"no probe", "as --probe-file; ptyx probe makes one"}},
		{"positions of the wrong shape", cxi.with("entry_1/sample_1/geometry_1/translation", ndarray.New[float32](3)),
			View{}, []string{"translation: found shape (3,), expected (M, 3)"}},
		{"too few positions", cxi.with("entry_1/sample_1/geometry_1/translation", ndarray.New[float32](2, 3)), View{},
			[]string{"translation: found 2 positions, expected at least 3"}},
		{"no positions", cxi.with("entry_1/sample_1/geometry_1/translation", nil).with("entry_1/data_1/translation",
			nil), View{}, []string{"--positions-file"}},
		{"dangling link", cxi.with(data, nil), View{}, []string{"no diffraction patterns"}},
		{"a mask of another size", cxi.with("entry_1/instrument_1/detector_1/mask",
			&hdf5.Unsigned{Shape: []int{2, 2}, Data: make([]uint32, 4)}), View{},
			[]string{"a mask of shape (2, 2), expected (64, 64)", "before --crop"}},
		{"nothing known", container{"a": 1.0}, View{},
			[]string{"found an HDF5 file with a, expected a file as one of these has it: ptychodus product, "}},
		{"positions that are no metres", cxi, View{PixelSizeNM: 1e-12}, []string{"pixels of the object at position"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, _, err := openView(t, tc.file.file(t, "scan.cxi"), tc.view)
			var bad *badinput.Error
			if !errors.As(err, &bad) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("a %T: %v", err, err)
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
		})
	}
}

// TestProbeOfTheFullDetector: a probe given for all of the detector fits patterns of a part of it. A Gaussian stays
// one, and its power in object pixels of another size stays what it is.
func TestProbeOfTheFullDetector(t *testing.T) {
	gaussian := func(n int, width float64) *ndarray.Complex64 {
		p := ndarray.New[complex64](n, n)
		for i := range p.Data {
			r, c := float64(i/n-n/2), float64(i%n-n/2)
			p.Data[i] = complex64(complex(math.Exp(-(r*r+c*c)/(2*width*width)), 0))
		}
		return p
	}
	for _, tc := range []struct {
		name  string
		w     window
		width float64 // of the result
		scale float64
	}{
		{"a part", window{height: 128, width: 128, size: 64, bin: 1}, 5, 2},
		{"binned", window{height: 128, width: 128, size: 64, bin: 2}, 10, 1},
	} {
		got := tc.w.probe(gaussian(128, 10))
		want := gaussian(64, tc.width)
		for i := range want.Data {
			// The Gaussian's tail beyond the edge of the cut field is what differs: exp(-(32/10)^2/2) at most.
			if d := complex128(got.Data[i]) - complex(tc.scale,
				0)*complex128(want.Data[i]); !(math.Hypot(real(d), imag(d)) <= 6e-3) {
				t.Fatalf("%s: %v at %d, want %v", tc.name, got.Data[i], i, want.Data[i])
			}
		}
	}
}

func TestCropText(t *testing.T) {
	for text, want := range map[string]Crop{"128": {Size: 128, Centred: true},
		"64@30,41": {Size: 64, Row: 30, Col: 41}} {
		var c Crop
		if err := c.UnmarshalText([]byte(text)); err != nil || c != want || c.String() != text {
			t.Errorf("%s: %+v, %q, %v", text, c, c, err)
		}
	}
	for _, text := range []string{"", "x", "0", "-3", "64@", "64@3", "64@3,x", "64@x,3"} {
		var c Crop
		if err := c.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, c)
		}
	}
}

// TestPixelsFollowTheCrop: positions and object of a file in pixels come in the larger pixels of a cropped detector.
func TestPixelsFollowTheCrop(t *testing.T) {
	object := npztest.Array{Key: KeyObject, Dtype: "<c8", Shape: []int{200, 200}}
	for i := range 200 * 200 {
		object.Values = append(object.Values, complex(float64(i/200), float64(i%200)))
	}
	crop := Crop{Size: 64, Centred: true}
	for _, tc := range []struct {
		name          string
		height, width int
		view          View
		x, y          float64 // the object's pixel in those of the file
	}{
		{"a square", 128, 128, View{Crop: crop}, 2, 2},
		{"binned", 128, 128, View{Bin: 2}, 1, 1},
		{"cropped and binned", 256, 256, View{Crop: Crop{Size: 128, Row: 120, Col: 130}, Bin: 2}, 2, 2},
		{"a wide detector", 128, 160, View{Crop: crop}, 2.5, 2},
		{"mirrored", 128, 160, View{Crop: crop, FlipX: true}, 2.5, 2},
		{"swapped", 128, 160, View{Crop: crop, SwapXY: true}, 2.5, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			pixels := tc.height * tc.width
			start := []float64{33, 45, 63}
			scan := scanFile{
				npztest.Real(KeyPatterns, "<f4", make([]float64, 3*pixels), 3, tc.height, tc.width),
				npztest.Real(KeyX, "<f8", []float64{40, 50, 70}, 3),
				npztest.Real(KeyY, "<f8", []float64{41, 90, 66}, 3), npztest.Real(KeyXStart, "<f8", start, 3),
				npztest.Real("object_pixel_width_m", "<f8", []float64{1e-8}, 1),
				npztest.Real("object_pixel_height_m", "<f8", []float64{1e-8}, 1), probeArray(64, 64), object,
			}
			s, _ := scan.open(t, Options{View: tc.view})
			px, py, pStart := []float64{40, 50, 70}, []float64{41, 90, 66}, start
			switch {
			case tc.view.SwapXY:
				px, py, pStart = py, px, py
			case tc.view.FlipX:
				px, pStart = []float64{70, 60, 40}, []float64{77, 65, 47}
			}
			for i := range px {
				if math.Abs(s.X[i]*tc.x-px[i])+math.Abs(s.Y[i]*tc.y-py[i])+math.Abs(s.XStart[i]*tc.x-pStart[i]) > 1e-9 {
					t.Errorf("columns %v, rows %v, start %v", s.X, s.Y, s.XStart)
				}
			}
			if g := s.Geometry; math.Abs(g.PixelX/tc.x-1e-8)+math.Abs(g.PixelY/tc.y-1e-8) > 1e-18 {
				t.Errorf("pixels of %g x %g m", g.PixelX, g.PixelY)
			}
			if turned := tc.view.FlipX || tc.view.SwapXY; turned != (s.Object == nil) {
				t.Errorf("the object is there: %v", s.Object != nil)
			}
			if s.Object == nil {
				return
			}
			h, w := s.Object.Shape[0], s.Object.Shape[1] // a plane stays one, away from its edges
			if got, want := s.Object.Data[h/2*w+w/3], complex(float64(h/2)*tc.y, float64(w/3)*tc.x); math.Hypot(
				float64(real(got))-real(want), float64(imag(got))-imag(want)) > 0.2 {
				t.Errorf("an object of %d x %d has %v at its middle, want %v", h, w, got, want)
			}
		})
	}
}

// TestPositionsFileInItsOwnPixels: positions of a result, or beside a probe of the view's size, are in the view's
// pixels already; others are in pixels of the scan's file.
func TestPositionsFileInItsOwnPixels(t *testing.T) {
	patterns := npztest.Real(KeyPatterns, "<f4", frames(2, 128), 2, 128, 128)
	scan := scanFile{patterns, probeArray(64, 64)}.file(t)
	x, y := npztest.Real(KeyX, "<f8", []float64{60, 80}, 2), npztest.Real(KeyY, "<f8", []float64{40, 90}, 2)
	object := npztest.Array{Key: "object", Dtype: "<c8", Shape: []int{1, 2}, Values: []complex128{1, 2}}
	origin := npztest.Real("origin", "<i8", []float64{0, 0}, 2)
	scale := func(v float64) npztest.Array { return npztest.Real(KeyPixelScale, "<f8", []float64{v, v}, 2) }
	for _, tc := range []struct {
		name string
		file scanFile
		want float64 // of the file's pixels
	}{
		{"pixels of the scan", scanFile{x, y}, 0.5},
		{"a probe of the complete detector", scanFile{x, y, probeArray(128, 128)}, 0.5},
		{"a probe of the view", scanFile{x, y, probeArray(64, 64)}, 1},
		{"a result of the view", scanFile{x, y, object, origin, scale(2), probeArray(64, 64)}, 1},
		{"a result of the binned detector", scanFile{x, y, object, origin, scale(1), probeArray(64, 64)}, 0.5},
		{"a result of a smaller part", scanFile{x, y, object, origin, scale(4)}, 2},
	} {
		s := mustOpen(t, scan, View{Crop: Crop{Size: 64, Centred: true}, PositionsFile: tc.file.file(t)})
		if !closeTo(s.X, []float64{60 * tc.want, 80 * tc.want}) ||
			!closeTo(s.Y, []float64{40 * tc.want, 90 * tc.want}) {
			t.Errorf("%s: columns %v, rows %v", tc.name, s.X, s.Y)
		}
	}
	bad := scanFile{x, y, object, origin, scale(-1)}.file(t)
	if _, _, err := openView(t, scan, View{Crop: Crop{Size: 64, Centred: true}, PositionsFile: bad}); err == nil ||
		!strings.Contains(err.Error(), "pixel_scale: found [-1 -1], expected height and width of a pixel") {
		t.Errorf("a pixel of -1: %v", err)
	}
}

// TestNamedArrays: a file of no known layout becomes a scan with the places of its arrays, a mask of another file and
// the optics of the flags. A path behind an empty file name is in the scan's own file.
func TestNamedArrays(t *testing.T) {
	gaps := ndarray.New[float32](64, 64)
	gaps.Data[5] = 1
	path := container{
		"raw/frames": counts(3, 64, 64), "raw/guess": probeOfOnes(64, 64),
		"raw/h": ndarray.Wrap([]float32{0, 1, 2}, 3), "raw/v": ndarray.Wrap([]float32{5, 6, 8}, 3),
		"raw/points": ndarray.Wrap([]float32{5, 0, 6, 1, 8, 2}, 3, 2),
	}.file(t, "bare.h5")
	mask := container{"entry/mask": gaps, "entry/other": gaps}.file(t, "mask.h5")
	optics := View{
		Patterns: "raw/frames", Unit: "um", Mask: mask + ":entry/mask",
		EnergyEV: energyEV, DistanceM: distance(), DetectorPixelUM: detectorPixel * 1e6,
	}
	for name, change := range map[string]func(v *View){
		"two arrays": func(v *View) { v.X, v.Y = "raw/h", "raw/v" },
		"a group":    func(v *View) { v.PositionsFile, v.X, v.Y = ":raw", "h", "v" },
		"points":     func(v *View) { v.PositionsFile, v.X, v.Y = path+":raw/points", "1", "0" },
	} {
		v := optics
		change(&v)
		v.Library = hdf5test.Library()
		s, err := Open(path, Options{View: v, ProbeFile: ":raw/guess"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer s.Close()
		if !closeTo(s.X, []float64{32, 132, 232}) || !closeTo(s.Y, []float64{32, 132, 332}) {
			t.Errorf("%s: at %v, %v", name, s.X, s.Y)
		}
		if s.Measured == nil || s.Measured[5] || !s.Measured[6] || s.Input != Intensity {
			t.Errorf("%s: the mask or the kind of the patterns was not read (%s)", name, s.Input)
		}
	}
}
