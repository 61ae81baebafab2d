package solve

import (
	"context"
	"errors"
	"math"
	"math/cmplx"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
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
	// Measured: 1.0000, 1.0000, 0.9986, 0.9869; with the defocus, 0.8605 before: 0.9921, 0.9953, 0.9520, 0.9207.
	for _, c := range []struct{ photons, defocus, least float64 }{
		{1e9, 0, 0.999}, {1e6, 0, 0.999}, {1e4, 0, 0.995}, {1e3, 0, 0.98},
		{1e9, 0.02, 0.98}, {1e6, 0.02, 0.98}, {1e4, 0.02, 0.93}, {1e3, 0.02, 0.9},
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

// Patterns with little light in common do not tell probe from object.
func TestAProbeIsKeptWithoutCommonLight(t *testing.T) {
	data, truth := scanInSteps(t, 20, 60, 1e6)
	if r := calibrated(t, data.from(truth)); !r.Kept || r.Probe != truth || !(r.Common < LeastCommonLight) {
		t.Errorf("kept %v, %.3f of the light in common", r.Kept, r.Common)
	}
}

// Distributed trainings begin with the same probe on every machine.
func TestCalibrationDoesNotDependOnThreads(t *testing.T) {
	data, truth := scanAndProbe(t, 40, 1e5)
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
	data, probe := scanAndProbe(t, 20, 1e5)
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
	data, probe := scanAndProbe(t, 4, 1e5)
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
	chosen := Central(x, y, CalibrationPatterns)
	if len(chosen) != CalibrationPatterns {
		t.Fatalf("%d patterns", len(chosen))
	}
	for _, i := range chosen {
		if d := math.Hypot(x[i]-19.5, y[i]-19.5); !(d < 10) { // a disc of 256 pixels has a radius of 9.03
			t.Errorf("position %v, %v is %v from the middle", x[i], y[i], d)
		}
	}
	if got := Central(x[:5], y[:5], CalibrationPatterns); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("of five: %v", got)
	}
}

// TestFitIgnoresMaskedPixels: wrong values in masked pixels change nothing; without the mask they do.
func TestFitIgnoresMaskedPixels(t *testing.T) {
	data, truth := scanAndProbe(t, 30, 1e6)
	given := defocused(truth, 0.02)
	probe := func(d Problem) *ndarray.Complex64 {
		t.Helper()
		r, err := FitProbe(t.Context(), d.from(given), 3, 1)
		if err != nil {
			t.Fatal(err)
		}
		return r.Probe
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
