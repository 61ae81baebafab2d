package metrics_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/quality/metrics"
)

// scene is an object given by a formula, so that it can be sampled anywhere: waves of amplitude and phase with at least
// four pixels a period.
type scene []wave

type wave struct{ kr, kc, phase, amplitude, angle float64 }

func newScene(seed uint64) scene {
	rng := rand.New(rand.NewPCG(seed, 11))
	var s scene
	for range 40 {
		s = append(s, wave{
			kr: (rng.Float64() - 0.5) * math.Pi / 2, kc: (rng.Float64() - 0.5) * math.Pi / 2,
			phase:     rng.Float64() * 2 * math.Pi,
			amplitude: 0.02 * rng.NormFloat64(), angle: 0.06 * rng.NormFloat64(),
		})
	}
	return s
}

func (s scene) at(r, c float64) complex128 {
	amplitude, angle := 0.8, 0.1
	for _, w := range s {
		v := math.Cos(w.kr*r + w.kc*c + w.phase)
		amplitude, angle = amplitude+w.amplitude*v, angle+w.angle*v
	}
	return cmplx.Rect(amplitude, angle)
}

// image samples f over h x w pixels of the frame, from (row, col).
func image(row, col, h, w int, f func(r, c float64) complex128) metrics.Image {
	o := ndarray.New[complex64](h, w)
	for i := range o.Data {
		o.Data[i] = complex64(f(float64(row+i/w), float64(col+i%w)))
	}
	return metrics.Image{Object: o, Row: row, Col: col}
}

// noisy adds white noise.
func noisy(im metrics.Image, seed uint64, sigma float64) metrics.Image {
	rng := rand.New(rand.NewPCG(seed, 12))
	o := im.Object.Clone()
	for i := range o.Data {
		o.Data[i] += complex64(complex(sigma*rng.NormFloat64(), sigma*rng.NormFloat64()))
	}
	im.Object = o
	return im
}

func compare(t *testing.T, recon, reference metrics.Image, opt metrics.Options) metrics.Report {
	t.Helper()
	r, err := metrics.Compare(recon, reference, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestInvariance: what the patterns cannot tell must not cost a reconstruction anything, and is reported as it was.
func TestInvariance(t *testing.T) {
	s := newScene(1)
	reference := image(0, 0, 150, 140, s.at)
	for name, c := range map[string]struct{ row, col, kr, kc, scale, phase float64 }{
		"itself":        {0, 0, 0, 0, 1, 0},
		"scale":         {0, 0, 0, 0, 0.37, 0},
		"phase":         {0, 0, 0, 0, 1, 2.5},
		"ramp":          {0, 0, 0.21, -0.13, 1, 0},
		"steep ramp":    {0, 0, -1.9, 2.3, 1, 1},
		"whole shift":   {2, -3, 0, 0, 1, 0},
		"subpixel":      {0.3, -0.45, 0, 0, 1, 0},
		"all of them":   {-1.37, 2.62, 0.051, -0.23, 1.8, -1.2},
		"largest shift": {3.9, -3.9, 0.3, 0.1, 0.5, 3},
	} {
		recon := image(-6, 4, 160, 131, func(r, col float64) complex128 {
			return s.at(r-c.row, col-c.col) * cmplx.Rect(c.scale, c.kr*r+c.kc*col+c.phase)
		})
		r := compare(t, recon, reference, metrics.Options{})
		// What is left is interpolation at the faded margin and the last thousandth of a pixel of the registration.
		for what, v := range map[string]float64{"correlation": r.Correlation, "overlap": r.Overlap,
			"amplitude SSIM": r.Amplitude.SSIM, "phase SSIM": r.Phase.SSIM} {
			if !(v >= 0.9995) {
				t.Errorf("%s: %s %v, want 1.000", name, what, v)
			}
		}
		// The scene's band ends at 1/4 per axis.
		if !r.FRC.AtHalfBit.BeyondNyquist && !(r.FRC.AtHalfBit.Frequency >= 0.25) {
			t.Errorf("%s: FRC ends at %v cycles per pixel", name, r.FRC.AtHalfBit.Frequency)
		}
		for what, pair := range map[string][3]float64{
			"shift row": {r.ShiftRow, c.row, 0.01}, "shift column": {r.ShiftCol, c.col, 0.01},
			"ramp row": {r.RampRow, c.kr, 1e-3}, "ramp column": {r.RampCol, c.kc, 1e-3},
			"scale": {r.Scale * c.scale, 1, 0.01},
		} {
			if !(math.Abs(pair[0]-pair[1]) <= pair[2]) {
				t.Errorf("%s: %s %v, want %v", name, what, pair[0], pair[1])
			}
		}
	}
}

// TestFarFrames: an object whose frame begins elsewhere is moved as far as it needs, beyond a ramp and an uncovered
// corner; a limit of the shift holds.
func TestFarFrames(t *testing.T) {
	s := newScene(7)
	reference := image(0, 0, 120, 130, s.at)
	recon := image(0, 0, 110, 100, func(r, c float64) complex128 {
		return s.at(r+23, c+41) * cmplx.Rect(1.3, 0.9*r-0.4*c)
	})
	recon.Coverage = ndarray.New[float32](110, 100)
	for i := range recon.Coverage.Data {
		if i/100+i%100 > 30 {
			recon.Coverage.Data[i] = 1
		}
	}
	r := compare(t, noisy(recon, 2, 0.02), reference, metrics.Options{})
	if !(r.Correlation > 0.97 && math.Abs(r.ShiftRow+23) < 0.1 && math.Abs(r.ShiftCol+41) < 0.1) {
		t.Errorf("correlation %v after a shift of %v, %v, want -23, -41", r.Correlation, r.ShiftRow, r.ShiftCol)
	}
	if r := compare(t, recon, reference, metrics.Options{MaxShift: 4}); !(r.Correlation < 0.5) {
		t.Errorf("correlation %v within 4 pixels", r.Correlation)
	}
	apart := recon
	apart.Row, apart.Col = 1000, -1000 // the images do not even overlap
	if r := compare(t, apart, reference, metrics.Options{}); !(r.Correlation > 0.97) {
		t.Errorf("correlation %v of images that do not overlap where they are said to be", r.Correlation)
	}
	// Without a coverage, the round edge of what was scanned is at the same place in both images.
	scanned := func(shift float64) metrics.Image {
		return image(0, 0, 120, 120, func(r, c float64) complex128 {
			if math.Hypot(r-60, c-60) > 58 {
				return 0
			}
			return s.at(r+shift, c+shift)
		})
	}
	if r := compare(t, scanned(16), scanned(0), metrics.Options{}); !(r.Correlation > 0.97) {
		t.Errorf("correlation %v of round objects after a shift of %v, %v", r.Correlation, r.ShiftRow, r.ShiftCol)
	}
}

// TestNoise: more noise lowers every number.
func TestNoise(t *testing.T) {
	reference := image(0, 0, 128, 128, newScene(2).at)
	var last metrics.Report
	for i, sigma := range []float64{0, 0.02, 0.05, 0.15, 0.5} {
		r := compare(t, noisy(reference, 1, sigma), reference, metrics.Options{})
		if i > 0 {
			for what, pair := range map[string][2]float64{
				"correlation": {r.Correlation, last.Correlation}, "overlap": {r.Overlap, last.Overlap},
				"amplitude SSIM":  {r.Amplitude.SSIM, last.Amplitude.SSIM},
				"phase SSIM":      {r.Phase.SSIM, last.Phase.SSIM},
				"amplitude PSNR":  {r.Amplitude.PSNR, last.Amplitude.PSNR},
				"phase PSNR":      {r.Phase.PSNR, last.Phase.PSNR},
				"amplitude error": {-r.Amplitude.RMSE, -last.Amplitude.RMSE},
				"phase error":     {-r.Phase.MAE, -last.Phase.MAE},
				"half-bit":        {-r.FRC.AtHalfBit.HalfPeriod, -last.FRC.AtHalfBit.HalfPeriod + 1e-9},
			} {
				if !(pair[0] < pair[1]) {
					t.Errorf("noise %v: %s %v, before %v", sigma, what, pair[0], pair[1])
				}
			}
		}
		last = r
	}
}

// TestConstant: an object without structure correlates with nothing, though its overlap is high; and nothing can be
// compared with a reference that has none.
func TestConstant(t *testing.T) {
	reference := image(0, 0, 100, 100, newScene(3).at)
	flat := image(0, 0, 100, 100, func(float64, float64) complex128 { return 0.9 })
	// The ramp that is taken off tilts the constant a little, and a tilt correlates with anything a little.
	if r := compare(t, flat, reference, metrics.Options{}); !(r.Correlation < 0.05) || !(r.Overlap > 0.9) {
		t.Errorf("correlation %v, overlap %v, want below 0.05 and above 0.9", r.Correlation, r.Overlap)
	}
	zero := image(0, 0, 100, 100, func(float64, float64) complex128 { return 0 })
	if r := compare(t, zero, reference, metrics.Options{}); r.Correlation != 0 || r.Overlap != 0 {
		t.Errorf("zeros: correlation %v, overlap %v, want 0 and 0", r.Correlation, r.Overlap)
	}
	if _, err := metrics.Compare(reference, flat, metrics.Options{}); !errors.Is(err, metrics.ErrFlat) {
		t.Errorf("flat reference: error %v, want ErrFlat", err)
	}
}

// TestUnrelated: two different objects agree in nothing, and registration does not talk them into it.
func TestUnrelated(t *testing.T) {
	r := compare(t, image(0, 0, 128, 128, newScene(4).at), image(0, 0, 128, 128, newScene(5).at), metrics.Options{})
	if !(r.Correlation < 0.4) || !(math.Abs(r.ShiftRow) <= 4 && math.Abs(r.ShiftCol) <= 4) {
		t.Errorf("correlation %v at shift (%v, %v)", r.Correlation, r.ShiftRow, r.ShiftCol)
	}
}

// TestRegion: the middle half of the common area, whatever the origins; coverage narrows both.
func TestRegion(t *testing.T) {
	s := newScene(6)
	reference := image(0, 0, 101, 122, s.at)
	r := compare(t, image(0, 0, 101, 122, s.at), reference, metrics.Options{})
	if want := (metrics.Box{Row: 25, Col: 30, Height: 50, Width: 61}); r.Region != want || r.Covered != 1 {
		t.Errorf("region %+v, covered %v, want %+v and 1", r.Region, r.Covered, want)
	}
	recon := image(-10, 22, 90, 300, s.at) // common: rows 0 to 80, columns 22 to 122
	r = compare(t, recon, reference, metrics.Options{})
	if want := (metrics.Box{Row: 20, Col: 47, Height: 40, Width: 50}); r.Region != want {
		t.Errorf("region %+v, want %+v", r.Region, want)
	}
	r = compare(t, recon, reference, metrics.Options{Region: 1})
	if want := (metrics.Box{Row: 0, Col: 22, Height: 80, Width: 100}); r.Region != want {
		t.Errorf("whole region %+v, want %+v", r.Region, want)
	}
	recon.Coverage = ndarray.New[float32](90, 300)
	for i := range recon.Coverage.Data {
		if row, col := i/300-10, i%300+22; row >= 10 && row < 70 && col >= 30 && col < 100 {
			recon.Coverage.Data[i] = 2
			if row < 40 {
				recon.Coverage.Data[i] = 0.1 // a tenth of 2 is asked for
			}
		}
	}
	for i, v := range recon.Coverage.Data { // what is not covered may be anything
		if v < 1 {
			recon.Object.Data[i] = complex64(complex(float64(i%7), float64(i%11)))
		}
	}
	r = compare(t, recon, reference, metrics.Options{MaxShift: -1})
	if want := (metrics.Box{Row: 25, Col: 47, Height: 30, Width: 35}); r.Region != want || r.Covered != 0.5 {
		t.Errorf("region %+v, covered %v, want %+v and a half", r.Region, r.Covered, want)
	}
	if !(r.Correlation >= 0.9999) {
		t.Errorf("correlation %v: thinly covered pixels were counted", r.Correlation)
	}
}

func TestRefusals(t *testing.T) {
	s := newScene(7)
	good := image(0, 0, 80, 80, s.at)
	broken := image(0, 0, 80, 80, s.at)
	broken.Object.Data[1234] = complex64(cmplx.NaN())
	empty := good
	empty.Coverage = ndarray.New[float32](80, 80)
	for name, c := range map[string]struct {
		recon, reference metrics.Image
		want             error
	}{
		"apart":             {image(0, 200, 80, 80, s.at), good, metrics.ErrNoOverlap},
		"touching":          {image(0, 70, 80, 80, s.at), good, metrics.ErrNoOverlap},
		"small":             {image(0, 50, 80, 80, s.at), good, metrics.ErrNoOverlap},
		"NaN":               {broken, good, metrics.ErrNotFinite},
		"NaN reference":     {good, broken, metrics.ErrNotFinite},
		"nothing covered":   {empty, good, metrics.ErrNoOverlap},
		"a stack":           {metrics.Image{Object: ndarray.New[complex64](2, 80, 80)}, good, nil},
		"coverage of other": {metrics.Image{Object: good.Object, Coverage: ndarray.New[float32](3, 3)}, good, nil},
	} {
		_, err := metrics.Compare(c.recon, c.reference, metrics.Options{})
		if err == nil || (c.want != nil && !errors.Is(err, c.want)) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	// NaN where nothing is covered is nobody's fault.
	hole := broken
	hole.Coverage = ndarray.New[float32](80, 80)
	for i := range hole.Coverage.Data {
		hole.Coverage.Data[i] = 1
	}
	hole.Coverage.Data[1234] = 0
	if r := compare(t, hole, good, metrics.Options{MaxShift: -1}); !(r.Correlation >= 0.9999) {
		t.Errorf("correlation %v beside an uncovered NaN", r.Correlation)
	}
}

// TestJSON: a report of anything, identical and constant objects included, is written without NaN or Inf.
func TestJSON(t *testing.T) {
	reference := image(0, 0, 90, 90, newScene(8).at)
	for name, recon := range map[string]metrics.Image{
		"identical": reference,
		"constant":  image(0, 0, 90, 90, func(float64, float64) complex128 { return 1 }),
		"zero":      image(0, 0, 90, 90, func(float64, float64) complex128 { return 0 }),
	} {
		opt := metrics.Options{PixelSizeNM: 12}
		if _, err := json.Marshal(compare(t, recon, reference, opt)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		compat, err := metrics.Compat(recon, reference, nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := json.Marshal(compat); err != nil {
			t.Errorf("%s, compat: %v", name, err)
		}
	}
}

// TestResolution: a reconstruction that lacks all detail beyond a frequency is resolved up to that frequency.
func TestResolution(t *testing.T) {
	const cut = 0.2 // cycles per pixel
	rng := rand.New(rand.NewPCG(9, 9))
	var low, all []wave
	for range 4000 {
		w := wave{kr: (rng.Float64() - 0.5) * 2 * math.Pi, kc: (rng.Float64() - 0.5) * 2 * math.Pi,
			phase: rng.Float64() * 2 * math.Pi}
		all = append(all, w)
		if math.Hypot(w.kr, w.kc) < cut*2*math.Pi {
			low = append(low, w)
		}
	}
	sum := func(waves []wave) func(r, c float64) complex128 {
		return func(r, c float64) complex128 {
			v := 0i
			for _, w := range waves {
				v += cmplx.Rect(0.01, w.kr*r+w.kc*c+w.phase)
			}
			return 1 + v
		}
	}
	recon := noisy(image(0, 0, 64, 64, sum(low)), 2, 0.02)
	r := compare(t, recon, image(0, 0, 64, 64, sum(all)), metrics.Options{Region: 1, MaxShift: -1, PixelSizeNM: 8})
	// Rings are 1/64 apart and the window blurs over two of them.
	if got := r.FRC.AtHalfBit; !(math.Abs(got.Frequency-cut) <= 2.0/64) || got.BeyondNyquist || got.BelowFirstRings {
		t.Errorf("cutoff %+v, want %v cycles per pixel", got, cut)
	}
	if got, want := r.FRC.AtHalfBit.HalfPeriodNM, 8/(2*r.FRC.AtHalfBit.Frequency); !(math.Abs(got-want) <= 1e-9) {
		t.Errorf("half period %v nm, want %v", got, want)
	}
}

// TestHalfBit pins the threshold: for many samples 0.2071/1.2071, for one sample 1.
func TestHalfBit(t *testing.T) {
	reference := image(0, 0, 64, 64, newScene(10).at)
	r := compare(t, reference, reference, metrics.Options{Region: 1})
	if got := r.FRC.HalfBit[0]; !(math.Abs(got-(0.2071+1.9102)/(1.2071+0.9102)) <= 1e-12) {
		t.Errorf("one sample: %v", got)
	}
	for i := 1; i < len(r.FRC.HalfBit); i++ {
		if v := r.FRC.HalfBit[i]; !(v > 0.2071/1.2071 && v < 0.6) {
			t.Errorf("ring %d: threshold %v", i, v)
		}
	}
}
