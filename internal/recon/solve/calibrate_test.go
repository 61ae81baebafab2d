package solve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/cmplx"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/physics/optics"
	"ptyx/internal/scan/simulate"
)

// scanAndProbe is a simulated scan and its true probe. Neighbours are 6.4 pixels apart, under a probe of 16.
func scanAndProbe(t *testing.T, count int, photons float64) (Problem, *ndarray.Complex64) {
	t.Helper()
	return scanInSteps(t, 6.4, count, photons)
}

func scanInSteps(t *testing.T, step float64, count int, photons float64) (Problem, *ndarray.Complex64) {
	t.Helper()
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 16,
		Scan: simulate.Fermat, Count: count, Step: step, Photons: photons, Seed: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	return Problem{Patterns: Amplitudes{data.Patterns}, X: data.X, Y: data.Y}, data.Probe
}

// calibrated is the result of Calibrate on two threads.
func calibrated(t *testing.T, p Problem) *Calibration {
	t.Helper()
	c, err := Calibrate(t.Context(), p, CalibrationPasses, 1, 2, fast(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// from is the problem with another probe to start with.
func (p Problem) from(probe *ndarray.Complex64) Problem {
	p.Probe = probe
	return p
}

// likeness is |<a, b>| / (|a| |b|).
func likeness(a, b *ndarray.Complex64) float64 {
	var ab complex128
	var aa, bb float64
	for i, v := range a.Data {
		x, y := complex128(v), complex128(b.Data[i])
		ab += cmplx.Conj(x) * y
		aa += real(x)*real(x) + imag(x)*imag(x)
		bb += real(y)*real(y) + imag(y)*imag(y)
	}
	return cmplx.Abs(ab) / math.Sqrt(aa*bb)
}

// A wrong probe becomes better, and a right one stays right, where patterns have much light in common.
func TestCalibrate(t *testing.T) {
	// Measured: 1.0000, 1.0000, 0.9986, 0.9881; with the defocus, 0.8605 before: 1.0000, 1.0000, 0.9979, 0.9129.
	for _, c := range []struct{ photons, defocus, least float64 }{
		{1e9, 0, 0.999}, {1e6, 0, 0.999}, {1e4, 0, 0.995}, {1e3, 0, 0.98},
		{1e9, 0.02, 0.999}, {1e6, 0.02, 0.999}, {1e4, 0.02, 0.99}, {1e3, 0.02, 0.9},
	} {
		data, truth := scanAndProbe(t, 120, c.photons)
		given := defocused(truth, c.defocus)
		r := calibrated(t, data.from(given))
		before, after := likeness(given, truth), likeness(r.Probe, truth)
		t.Logf("%g photons, defocus %g: likeness %.4f -> %.4f, residual %.5f", c.photons, c.defocus, before, after,
			r.Residual)
		if !(after > c.least) || r.Kept {
			t.Errorf("%g photons, defocus %g: likeness %.4f to the true probe, want more than %v; kept: %v", c.photons,
				c.defocus, after, c.least, r.Kept)
		}
	}
}

// Few patterns, and those with little light in common, do not separate probe and object. Dark ones do not count.
func TestAProbeIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		step        float64
		count, dark int
		kept        bool
	}{
		"wide steps": {20, 60, 0, true}, "few patterns": {6.4, 15, 0, true}, "enough": {6.4, 16, 0, false},
		"many in the dark": {6.4, 30, 15, true},
	} {
		data, truth := scanInSteps(t, c.step, c.count, 1e6)
		clear(amplitudesOf(data).Data[:c.dark*64*64])
		if r := calibrated(t, data.from(truth)); r.Kept != c.kept || (r.Probe == truth) != c.kept {
			t.Errorf("%s: kept %v, %.3f of the light in common", name, r.Kept, r.Common)
		}
	}
	data, truth := scanAndProbe(t, 20, 1e6)
	if r, err := Calibrate(t.Context(), data.from(truth), 0, 1, 2, nil); err != nil || r.Probe != truth {
		t.Errorf("no pass: %v, %v", r, err)
	}
}

// A calibration whose last pass is worse returns the probe of the best one, not what the last update made of it.
func TestCalibrationGoesBack(t *testing.T) {
	data, truth := scanAndProbe(t, 40, 1e9)
	s, err := newState(data.from(defocused(truth, 0.02)), Defaults(4))
	if err != nil {
		t.Fatal(err)
	}
	g := newGuard(s)
	g.begin()
	g.keep(0)
	s.history = []Pass{{Residual: 1}}
	s.probeRe.Data[0] = 7
	if residual := s.better(g); residual != 0 || s.probeRe.Data[0] == 7 {
		t.Errorf("residual %v, the probe went back: %v", residual, s.probeRe.Data[0] != 7)
	}
}

// A training, and the digest of a job for workers, have the same bytes with any number of threads.
func TestCalibrationDoesNotDependOnThreads(t *testing.T) {
	data, truth := scanAndProbe(t, 120, 1e5)
	p := data.from(defocused(truth, 0.02))
	var first []complex64
	for threads := 1; threads <= 3; threads++ {
		r, err := Calibrate(t.Context(), p, 3, 1, threads, fast(t, threads))
		if err != nil {
			t.Fatal(err)
		}
		if threads == 1 {
			first = r.Probe.Data
		} else if !slices.Equal(first, r.Probe.Data) {
			t.Errorf("%d threads find another probe", threads)
		}
	}
}

// A right probe changes little, down to few photons.
func TestFitKeepsNearARightProbe(t *testing.T) {
	// Measured 0.9993, 0.9977, 0.9230 (seed 1).
	for _, c := range []struct{ photons, least float64 }{{1e9, 0.99}, {1e4, 0.97}, {1e3, 0.9}} {
		data, truth := scanAndProbe(t, 120, c.photons)
		r, err := FitProbe(t.Context(), data.from(truth), 10, 1)
		if err != nil {
			t.Fatal(err)
		}
		got := likeness(r.Probe, truth)
		t.Logf("%g photons: likeness %.4f", c.photons, got)
		if !(got > c.least) {
			t.Errorf("%g photons: likeness %v to the true probe, want more than %v", c.photons, got, c.least)
		}
	}
}

func TestSeedDeterminesTheCalibration(t *testing.T) {
	data, probe := scanAndProbe(t, 120, 1e5) // three batches, whose patterns the seed draws
	run := func(seed uint64) []complex64 {
		r, err := Calibrate(t.Context(), data.from(probe), 3, seed, 2, fast(t, 2))
		if err != nil {
			t.Fatal(err)
		}
		return r.Probe.Data
	}
	first := run(1)
	if !slices.Equal(first, run(1)) {
		t.Error("the same seed gave another probe")
	}
	if slices.Equal(first, run(2)) {
		t.Error("another seed gave the same probe")
	}
}

func TestFitWithoutPasses(t *testing.T) {
	data, probe := scanAndProbe(t, 4, 1e5)
	r, err := FitProbe(t.Context(), data.from(probe), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := likeness(r.Probe, probe); !(got > 1-1e-6) || len(r.Residual) != 0 { // stored in single precision
		t.Errorf("likeness %v, %d residuals", got, len(r.Residual))
	}
}

func TestCalibrationStopsOnCancel(t *testing.T) {
	data, probe := scanAndProbe(t, 16, 1e5)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Calibrate(ctx, data.from(probe), 5, 1, 2, fast(t, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestCentralPatterns(t *testing.T) {
	var x, y []float64
	for i := range 40 * 40 {
		x, y = append(x, float64(i%40)), append(y, float64(i/40))
	}
	chosen := Central(x, y, CalibrationPatterns(64))
	if len(chosen) != CalibrationPatterns(64) {
		t.Fatalf("%d patterns", len(chosen))
	}
	for _, i := range chosen {
		if d := math.Hypot(x[i]-19.5, y[i]-19.5); !(d < 10) { // a disc of 256 pixels has a radius of 9.03
			t.Errorf("position %v, %v is %v from the middle", x[i], y[i], d)
		}
	}
	if got := Central(x[:5], y[:5], 256); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("of five: %v", got)
	}
}

// Wrong values in masked pixels change nothing; without the mask they do.
func TestFitsIgnoreMaskedPixels(t *testing.T) {
	t.Run("FitProbe", func(t *testing.T) {
		ignoresMaskedPixels(t, func(p Problem) (*ndarray.Complex64, error) {
			r, err := FitProbe(t.Context(), p, 3, 1)
			return r.Probe, err
		})
	})
	t.Run("Calibrate", func(t *testing.T) {
		ignoresMaskedPixels(t, func(p Problem) (*ndarray.Complex64, error) {
			r, err := Calibrate(t.Context(), p, 3, 1, 2, fast(t, 2))
			return r.Probe, err
		})
	})
}

func ignoresMaskedPixels(t *testing.T, fit func(Problem) (*ndarray.Complex64, error)) {
	t.Helper()
	data, truth := scanAndProbe(t, 30, 1e6)
	given := defocused(truth, 0.02)
	probe := func(d Problem) *ndarray.Complex64 {
		t.Helper()
		r, err := fit(d.from(given))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	data.Measured = make([]bool, 64*64)
	for i := range data.Measured {
		data.Measured[i] = i%7 != 0
	}
	want := probe(data)
	spoilt := data
	patterns := amplitudesOf(data).Clone()
	spoilt.Patterns = Amplitudes{patterns}
	for k := range len(data.X) {
		a, b := k*64*64+7*300, k*64*64+7*301 // two that were not measured change places: the power stays
		patterns.Data[a], patterns.Data[b] = patterns.Data[b], patterns.Data[a]
	}
	if got := probe(spoilt); !slices.Equal(got.Data, want.Data) {
		t.Error("pixels that were not measured move the probe")
	}
	spoilt.Measured = nil
	if got := probe(spoilt); slices.Equal(got.Data, want.Data) {
		t.Error("the mask does nothing")
	}
}

// The log says how far the focus moved, in micrometres if the experiment's geometry is known.
func TestCalibrationLogs(t *testing.T) {
	probe := ndarray.New[complex64](16, 16)
	probe.Data[8*16+8], probe.Data[8*16+9] = 1, 1
	d := optics.NewDefocus(probe)
	grid := optics.Sampling{N: 16, Wavelength: 1e-10, Pixel: 1e-8}
	distance := fmt.Sprintf("downstream_um=%.3g", 1e6*d.Distance(-1.5, grid))
	for name, c := range map[string]struct {
		found    Calibration
		grid     optics.Sampling
		has, not []string
	}{
		"as given": {Calibration{Kept: true}, grid, []string{"probe kept as given"}, []string{"focus"}},
		"focus": {
			Calibration{Kept: true, Focus: -1.5, given: d}, grid,
			[]string{"radians=-1.50", distance, "only the focus of the probe changes"}, []string{"as given"},
		},
		"unknown pixel": {
			Calibration{Kept: true, Focus: -1.5, given: d}, optics.Sampling{N: 16}, []string{"radians=-1.50"},
			[]string{"downstream_um"},
		},
		"calibrated": {Calibration{Residual: 0.01}, grid, []string{"probe calibrated", "residual=0.0100"}, nil},
	} {
		var text strings.Builder
		c.found.Log(slog.New(slog.NewTextHandler(&text, nil)), "scan.npz", c.grid)
		for _, part := range c.has {
			if !strings.Contains(text.String(), part) {
				t.Errorf("%s: no %q in %s", name, part, text.String())
			}
		}
		for _, part := range c.not {
			if strings.Contains(text.String(), part) {
				t.Errorf("%s: %q in %s", name, part, text.String())
			}
		}
	}
}
