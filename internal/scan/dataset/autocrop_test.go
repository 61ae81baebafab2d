package dataset

import (
	"bytes"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz/npztest"
	"ptyx/internal/scan/source"
)

// detector is a simulated one: the far field of a zone plate with a central stop, a halo that the object scatters,
// noise, and faults.
type detector struct {
	height, width, row, col int
	radius                  float64 // of the pupil, pixels
	photons                 float64 // in a pattern
	background              float64 // in a pixel
	hot                     int     // pixels that count much, in every pattern
	gap                     bool    // masked columns beside the beam
	amplitudes              bool
	largest                 bool // the gap has the largest value of the type, and there is no mask
}

const detectorFrames = 20

// light is the expected count of each pixel without background, (height, width).
func (d detector) light(frame int) []float64 {
	light := make([]float64, d.height*d.width)
	sum := 0.0
	for i := range light {
		y, x := float64(i/d.width-d.row), float64(i%d.width-d.col)
		r := math.Hypot(x, 0.8*y) / d.radius
		speckle := 1 + 0.5*math.Sin(float64(frame)+0.7*x+0.3*y*float64(frame%5-2)) // differs between patterns
		light[i] = 0.02 * math.Exp(-r*r/1.5) * speckle
		if r > 0.4 && r < 1 {
			light[i] += speckle
		}
		sum += light[i]
	}
	for i := range light {
		light[i] *= d.photons / sum
	}
	return light
}

// write writes a scan, and a mask if there is a gap.
func (d detector) write(t *testing.T) (path, mask string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(d.height), uint64(d.col)))
	pixels := d.height * d.width
	values := make([]float64, 0, detectorFrames*pixels)
	hot := map[int]float64{}
	for range d.hot {
		hot[rng.IntN(pixels)] = 1e5 * rng.Float64()
	}
	bad := make([]float64, pixels)
	for frame := range detectorFrames {
		for i, expected := range d.light(frame) {
			v := hot[i]
			if expected += d.background; expected > 0 {
				v += distuv.Poisson{Lambda: expected, Src: rng}.Rand()
			}
			if c := i%d.width - d.col; d.gap && c >= 5 && c < 15 {
				v, bad[i] = 0, 1
				if d.largest {
					v = math.MaxUint32
				}
			}
			if d.amplitudes {
				v = math.Sqrt(v)
			}
			values = append(values, v)
		}
	}
	places, dtype := make([]float64, detectorFrames), "<f4"
	if d.largest {
		dtype = "<u4"
	}
	path = scanFile{
		npztest.Real(KeyPatterns, dtype, values, detectorFrames, d.height, d.width),
		npztest.Real(KeyX, "<f8", places, detectorFrames), npztest.Real(KeyY, "<f8", places, detectorFrames),
	}.file(t)
	if d.gap && !d.largest {
		mask = scanFile{npztest.Real("mask", "<f4", bad, d.height, d.width)}.file(t)
	}
	return path, mask
}

// within is the part of the light in a square.
func (d detector) within(c Crop) float64 {
	in, all := 0.0, 0.0
	for i, v := range d.light(0) {
		r, col := i/d.width-c.Row+c.Size/2, i%d.width-c.Col+c.Size/2
		if all += v; r >= 0 && r < c.Size && col >= 0 && col < c.Size {
			in += v
		}
	}
	return in / all
}

// TestAutomaticCropHoldsTheLight on detectors with every fault: the centre is found within a pixel, nearly all light is
// kept, and not much more than that.
func TestAutomaticCropHoldsTheLight(t *testing.T) {
	base := detector{height: 180, width: 260, row: 80, col: 150, radius: 28, photons: 1e5}
	for name, change := range map[string]func(d *detector, v *View){
		"plain":      func(*detector, *View) {},
		"amplitudes": func(d *detector, _ *View) { d.amplitudes = true },
		"oblong":     func(d *detector, _ *View) { d.height, d.width, d.row, d.col = 300, 140, 190, 75 },
		"background": func(d *detector, _ *View) { d.background = 0.3 },
		"hot pixels": func(d *detector, _ *View) { d.hot = 30 },
		"gap":        func(d *detector, _ *View) { d.gap = true },
		"2^32 - 1":   func(d *detector, _ *View) { d.gap, d.largest = true, true },
		"dim":        func(d *detector, _ *View) { d.photons = 3e3 },
		"all faults": func(d *detector, _ *View) { d.background, d.hot, d.gap = 0.1, 20, true },
		"binned":     func(d *detector, v *View) { d.radius, v.Bin = 40, 2 },
		"large": func(d *detector, _ *View) {
			d.height, d.width, d.row, d.col, d.background = 514, 1030, 270, 430, 0.01
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, v := base, View{Crop: Crop{Auto: true}}
			change(&d, &v)
			path, mask := d.write(t)
			v.Mask = mask
			kind := Intensity
			if d.amplitudes {
				kind = Amplitude
			}
			s, err := Open(path, Options{View: v, Input: kind, NoProbe: true})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got := s.Crop
			if math.Abs(float64(got.Row-d.row)) > 1 || math.Abs(float64(got.Col-d.col)) > 1 {
				t.Errorf("crop %s, expected one around %d,%d", got, d.row, d.col)
			}
			bin := max(1, v.Bin)
			if got.Size%(8*bin) != 0 || s.N != got.Size/bin {
				t.Errorf("crop %s gives N %d", got, s.N)
			}
			smaller := got
			smaller.Size -= 16 * bin
			// Photons that the noise hides are no light.
			if held := d.within(got); held < 0.997 {
				t.Errorf("crop %s holds %.4f of the light", got, held)
			}
			if held := d.within(smaller); got.Size > 64*bin && held > 0.9995 {
				t.Errorf("crop %s would hold %.4f of the light", smaller, held)
			}
		})
	}
}

// TestAutomaticCropIsASquareThatCanBeWritten opens a scan with the crop that the log names, and gets the same patterns.
func TestAutomaticCropIsASquareThatCanBeWritten(t *testing.T) {
	d := detector{height: 96, width: 130, row: 43, col: 60, radius: 20, photons: 1e4}
	path, _ := d.write(t)
	var log bytes.Buffer
	open := func(c Crop) *Scan {
		s, err := Open(path, Options{View: View{Crop: c}, NoProbe: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	auto := open(Crop{Auto: true})
	_, rest, found := strings.Cut(log.String(), " crop=")
	if !found {
		t.Fatalf("no crop in the log: %s", log.String())
	}
	var written Crop
	if err := written.UnmarshalText([]byte(strings.Fields(rest)[0])); err != nil {
		t.Fatal(err)
	}
	fixed := open(written)
	a, errA := auto.Load()
	b, errB := fixed.Load()
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	if written != auto.Crop || !ndarray.SameShape(a.Shape, b.Shape) || fmt.Sprint(a.Data) != fmt.Sprint(b.Data) {
		t.Errorf("crop %s of the log, %s of the scan", written, auto.Crop)
	}
}

// TestAutomaticCropNearABorder keeps what fits: a detector that was cut around the beam stays complete although its
// light is a pixel off, and light near a border gets the largest square there.
func TestAutomaticCropNearABorder(t *testing.T) {
	for _, tc := range []struct {
		row, col, height, width, size int
	}{
		{32, 32, 64, 64, 64},
		{33, 31, 64, 64, 64},
		{32, 32, 40, 64, 40},
		{25, 60, 100, 120, 48},
	} {
		d := detector{height: tc.height, width: tc.width, row: tc.row, col: tc.col, radius: 24, photons: 1e5}
		if tc.height == 40 {
			d.row = 20
		}
		path, _ := d.write(t)
		s, err := Open(path, Options{View: View{Crop: Crop{Auto: true}}, NoProbe: true})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := s.Crop; got.Size != tc.size {
			t.Errorf("%d x %d, light at %d,%d: crop %s, expected %d pixels", tc.height, tc.width, d.row, d.col, got,
				tc.size)
		}
	}
}

// TestAutomaticCropForANetwork keeps squares of the side that a network has, around the light.
func TestAutomaticCropForANetwork(t *testing.T) {
	path, _ := detector{height: 200, width: 180, row: 90, col: 100, radius: 30, photons: 1e5}.write(t)
	for _, side := range []int{32, 64, 96, 160} {
		for _, bin := range []int{1, 2} {
			s, err := Open(path, Options{View: View{Crop: Crop{Auto: true}, Bin: bin}, NoProbe: true, Side: side})
			if side*bin > 160 {
				if err == nil {
					t.Errorf("side %d, bin %d: crop %s fits on a detector of 200 x 180", side, bin, s.Crop)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			off := math.Hypot(float64(s.Crop.Row-90), float64(s.Crop.Col-100))
			if s.N != side || s.Crop.Size != side*bin || off > 1.5 {
				t.Errorf("side %d, bin %d: N %d, crop %s", side, bin, s.N, s.Crop)
			}
			s.Close()
		}
	}
}

// TestAutomaticCropNeedsSeveralPatterns refuses a stream, of which only the first image is there.
func TestAutomaticCropNeedsSeveralPatterns(t *testing.T) {
	images := source.Images{Address: "detector:9999", Type: "u2", Height: 64, Width: 80, First: make([]float32, 64*80)}
	_, err := OpenImages(images, Options{View: View{Crop: Crop{Auto: true}}})
	mustSay(t, err, "detector:9999: --crop: found auto", "SIZE@ROW,COLUMN")
}

// TestAutomaticCropNeedsLight refuses dark patterns, and light at the rim of the detector.
func TestAutomaticCropNeedsLight(t *testing.T) {
	dark := scanFile{
		npztest.Real(KeyPatterns, "<f4", make([]float64, 80*90), 1, 80, 90),
		npztest.Real(KeyX, "<f8", []float64{0}, 1), npztest.Real(KeyY, "<f8", []float64{0}, 1),
	}.file(t)
	auto := Options{View: View{Crop: Crop{Auto: true}}, NoProbe: true}
	_, err := Open(dark, auto)
	mustSay(t, err, "no light in the patterns read, 1 of 1", "--crop SIZE@ROW,COLUMN")
	rim, _ := detector{height: 80, width: 90, row: 40, col: 8, radius: 6, photons: 1e4}.write(t)
	_, err = Open(rim, auto)
	mustSay(t, err, "the centre of the light at row 4", "16 pixels of the detector on each side",
		"--crop SIZE@ROW,COLUMN")
}
