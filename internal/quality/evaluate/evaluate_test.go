package evaluate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/png"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
)

// sample is a structured object over h x w pixels of the frame from (row, col), with noise.
func sample(row, col, h, w int, noise float64) *ndarray.Complex64 {
	rng := rand.New(rand.NewPCG(1, 2))
	o := ndarray.New[complex64](h, w)
	for i := range o.Data {
		r, c := float64(row+i/w), float64(col+i%w)
		v := cmplx.Rect(0.8+0.1*math.Sin(0.5*r+0.2*c)+0.05*math.Cos(0.01*r*c),
			0.3*math.Sin(0.3*r-0.7*c)+0.2*math.Cos(0.012*r*c))
		o.Data[i] = complex64(v + complex(noise*rng.NormFloat64(), noise*rng.NormFloat64()))
	}
	return o
}

func write(t *testing.T, name string, members ...npz.Member) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := npz.Write(path, members); err != nil {
		t.Fatal(err)
	}
	return path
}

// reconstruction is a file as infer writes it, from row -5, column 7.
func reconstruction(t *testing.T, noise float64) string {
	coverage := ndarray.New[float32](90, 80)
	for i := range coverage.Data {
		coverage.Data[i] = 1
	}
	return write(t, "reconstruction.npz",
		npz.Member{Key: "object", Value: sample(-5, 7, 90, 80, noise)},
		npz.Member{Key: "origin", Value: []int64{-5, 7}},
		npz.Member{Key: "coverage", Value: coverage},
		npz.Member{Key: "xcoords", Value: []float64{20, 70}},
		npz.Member{Key: "ycoords", Value: []float64{15, 75}},
		npz.Member{Key: "provider", Value: "tape"},
	)
}

func truth(t *testing.T) string {
	return write(t, "truth.npz", npz.Member{Key: "objectGuess", Value: sample(0, 0, 100, 100, 0)})
}

// TestFrames: the reconstruction's origin and the truth's own zero meet in the same frame.
func TestFrames(t *testing.T) {
	result, err := evaluate.Files(evaluate.Options{Recon: reconstruction(t, 0), Reference: truth(t), PixelSizeNM: 10})
	if err != nil {
		t.Fatal(err)
	}
	r := result.Report
	if want := (metrics.Box{Row: 21, Col: 27, Height: 42, Width: 40}); r.Region != want {
		t.Errorf("region %+v, want %+v", r.Region, want)
	}
	if !(r.Correlation >= 0.999999) || r.ShiftRow != 0 || r.ShiftCol != 0 {
		t.Errorf("correlation %v, shift (%v, %v), want 1 and none", r.Correlation, r.ShiftRow, r.ShiftCol)
	}
	if !(math.Abs(r.FRC.AtHalfBit.HalfPeriodNM-10*r.FRC.AtHalfBit.HalfPeriod) <= 1e-9) {
		t.Errorf("half period %v pixels = %v nm", r.FRC.AtHalfBit.HalfPeriod, r.FRC.AtHalfBit.HalfPeriodNM)
	}
}

// TestOutputs: table, JSON and picture of both conventions; two runs give the same bytes and leave nothing else.
func TestOutputs(t *testing.T) {
	recon, reference := reconstruction(t, 0.05), truth(t)
	for _, convention := range []evaluate.Convention{evaluate.Ptyx, evaluate.PINNCompat} {
		var runs [2][]string
		for i := range runs {
			result, err := evaluate.Files(evaluate.Options{Recon: recon, Reference: reference, Convention: convention})
			if err != nil {
				t.Fatal(err)
			}
			var table bytes.Buffer
			if err := result.WriteTable(&table); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Join(t.TempDir(), "new", "out")
			if err := result.Save(dir); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 2 {
				t.Fatalf("wrote %v, error %v", entries, err)
			}
			runs[i] = []string{table.String()}
			for _, name := range []string{evaluate.MetricsFile, evaluate.PictureFile} {
				raw, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					t.Fatal(err)
				}
				runs[i] = append(runs[i], string(raw))
			}
		}
		for i, what := range []string{"table", "metrics", "picture"} {
			if runs[0][i] != runs[1][i] {
				t.Errorf("%s: the %s differs between two runs", convention, what)
			}
		}
		if !strings.Contains(runs[0][0], "SSIM") || !strings.Contains(runs[0][0], "FRC at 1/7") {
			t.Errorf("%s: table\n%s", convention, runs[0][0])
		}
		var decoded map[string]any
		if err := json.Unmarshal([]byte(runs[0][1]), &decoded); err != nil ||
			decoded["convention"] != string(convention) {
			t.Errorf("%s: metrics of convention %v, error %v", convention, decoded["convention"], err)
		}
		if _, err := png.Decode(strings.NewReader(runs[0][2])); err != nil {
			t.Errorf("%s: picture: %v", convention, err)
		}
	}
}

// TestCompatRegion: the scan's box, ten pixels wider, bounds the comparison with PtychoPINN's numbers.
func TestCompatRegion(t *testing.T) {
	result, err := evaluate.Files(evaluate.Options{Recon: reconstruction(t, 0.02), Reference: truth(t),
		Convention: evaluate.PINNCompat})
	if err != nil {
		t.Fatal(err)
	}
	if want := (metrics.Box{Row: 5, Col: 10, Height: 80, Width: 71}); result.Compat.Region != want {
		t.Errorf("region %+v, want %+v", result.Compat.Region, want)
	}
}

// TestFaults: every unusable file gives one sentence that names it and the key.
func TestFaults(t *testing.T) {
	good, other := reconstruction(t, 0), truth(t)
	member := func(key string, value any) npz.Member { return npz.Member{Key: key, Value: value} }
	object := sample(0, 0, 60, 60, 0)
	constant := ndarray.New[complex64](100, 100)
	for i := range constant.Data {
		constant.Data[i] = 1
	}
	broken := object.Clone()
	broken.Data[77] = complex64(cmplx.Inf())
	for name, c := range map[string]struct {
		recon, reference, key string
	}{
		"missing file": {filepath.Join(t.TempDir(), "none.npz"), other, ""},
		"no object":    {write(t, "a.npz", member("xcoords", []float64{1})), other, ""},
		"stack":        {write(t, "b.npz", member("object", ndarray.New[complex64](2, 50, 50))), other, "object"},
		"Inf":          {write(t, "c.npz", member("object", broken)), other, "object"},
		"origin of three": {write(t, "d.npz", member("object", object), member("origin", []int64{1, 2, 3})), other,
			"origin"},
		"far origin": {write(t, "e.npz", member("object", object), member("origin", []int64{1 << 60, 0})), other,
			"origin"},
		"coverage shape": {write(t, "f.npz", member("object", object),
			member("coverage", ndarray.New[float32](3, 3))), other, "coverage"},
		"NaN coverage": {write(t, "g.npz", member("object", object), member("coverage", nanCoverage(60))), other,
			"coverage"},
		"coordinates": {write(t, "h.npz", member("object", object), member("xcoords", []float64{1, 2}),
			member("ycoords", []float64{1})), other, "ycoords"},
		"NaN coordinates": {write(t, "i.npz", member("object", object), member("xcoords", []float64{math.NaN()}),
			member("ycoords", []float64{1})), other, "xcoords, ycoords"},
		"apart": {write(t, "j.npz", member("object", object), member("origin", []int64{500, 0})), other,
			"object"},
		"constant": {good, write(t, "k.npz", member("objectGuess", constant)), "objectGuess"},
		"nothing covered": {write(t, "l.npz", member("object", object),
			member("coverage", ndarray.New[float32](60, 60))), other, "object"},
		"reference broken": {good, write(t, "m.npz", member("objectGuess", broken)), "objectGuess"},
	} {
		_, err := evaluate.Files(evaluate.Options{Recon: c.recon, Reference: c.reference})
		var fault *badinput.Error
		if !errors.As(err, &fault) {
			t.Errorf("%s: error %v, want a *badinput.Error", name, err)
			continue
		}
		if fault.File == "" || fault.Key != c.key {
			t.Errorf("%s: %v: file %q, key %q, want key %q", name, err, fault.File, fault.Key, c.key)
		}
	}
	for _, size := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := evaluate.Files(evaluate.Options{Recon: good, Reference: other, PixelSizeNM: size}); err == nil {
			t.Errorf("a pixel size of %v was taken", size)
		}
	}
}

func nanCoverage(n int) *ndarray.Float32 {
	c := ndarray.New[float32](n, n)
	c.Data[5] = float32(math.NaN())
	return c
}

// TestSingleSlice: an object with axes of length 1 is the image it holds.
func TestSingleSlice(t *testing.T) {
	o := sample(0, 0, 60, 50, 0)
	s, err := evaluate.Load(write(t, "s.npz", npz.Member{Key: "object", Value: ndarray.Wrap(o.Data, 1, 60, 50, 1)}))
	if err != nil {
		t.Fatal(err)
	}
	if !ndarray.SameShape(s.Object.Shape, []int{60, 50}) || s.Row != 0 || s.Col != 0 {
		t.Errorf("shape %v at (%d, %d), want (60, 50) at (0, 0)", s.Object.Shape, s.Row, s.Col)
	}
}

func TestConvention(t *testing.T) {
	var c evaluate.Convention
	if err := c.UnmarshalText([]byte("pinn-compat")); err != nil || c != evaluate.PINNCompat {
		t.Errorf("%q, error %v", c, err)
	}
	if err := c.UnmarshalText([]byte("else")); err == nil || !strings.Contains(err.Error(), "pinn-compat") {
		t.Errorf("error %v, want one that lists what is possible", err)
	}
}

// TestObjectsOfUnlikePixels: a cropped scan's object is compared in its own, larger pixels. A file that states none has
// those of the scan's file, or those of the reconstruction if its probe has the same size.
func TestObjectsOfUnlikePixels(t *testing.T) {
	wave := func(size int, pixel float64, row, col int) *ndarray.Complex64 {
		o := ndarray.New[complex64](size, size)
		for i := range o.Data {
			r, c := pixel*float64(row+i/size), pixel*float64(col+i%size)
			o.Data[i] = complex64(cmplx.Rect(1+0.2*math.Sin(0.11*r+0.02*c)+0.1*math.Cos(0.003*r*c),
				0.5*math.Sin(0.07*r-0.13*c)))
		}
		return o
	}
	probe := func(n int) npz.Member { return npz.Member{Key: "probeGuess", Value: ndarray.New[complex64](n, n)} }
	recon := write(t, "reconstruction.npz", npz.Member{Key: "object", Value: wave(70, 2, 3, 5)},
		npz.Member{Key: "origin", Value: []int64{3, 5}}, npz.Member{Key: "pixel_scale", Value: []float64{2, 2}},
		probe(64))
	coverage := ndarray.New[float32](150, 150)
	for i := range coverage.Data {
		coverage.Data[i] = 1
	}
	for name, reference := range map[string]string{
		"the scan's file":  write(t, "a.npz", npz.Member{Key: "objectGuess", Value: wave(160, 1, 0, 0)}, probe(128)),
		"without a probe":  write(t, "b.npz", npz.Member{Key: "objectGuess", Value: wave(160, 1, 0, 0)}),
		"the view's probe": write(t, "c.npz", npz.Member{Key: "objectGuess", Value: wave(80, 2, 0, 0)}, probe(64)),
		"binned by two": write(t, "d.npz", npz.Member{Key: "object", Value: wave(150, 1, -3, 1)}, probe(64),
			npz.Member{Key: "origin", Value: []int64{-3, 1}}, npz.Member{Key: "pixel_scale", Value: []float64{1, 1}},
			npz.Member{Key: "coverage", Value: coverage}),
	} {
		for _, files := range [][2]string{{recon, reference}, {reference, recon}} {
			r, err := evaluate.Files(evaluate.Options{Recon: files[0], Reference: files[1]})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if s := r.Report; !(s.Correlation > 0.999) || math.Hypot(s.ShiftRow, s.ShiftCol) > 0.05 {
				t.Errorf("%s: correlation %.4f, shift %.2f, %.2f", name, s.Correlation, s.ShiftRow, s.ShiftCol)
			}
		}
	}
	bad := write(t, "e.npz", npz.Member{Key: "object", Value: wave(70, 2, 3, 5)},
		npz.Member{Key: "pixel_scale", Value: []float64{0, 2}})
	if _, err := evaluate.Load(bad); err == nil || !strings.Contains(err.Error(), "pixel_scale: found [0 2]") {
		t.Errorf("a pixel of 0: %v", err)
	}
}
