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

// scanAndProbe is a simulated scan and its true probe.
func scanAndProbe(t *testing.T, count int, photons float64) (Problem, *ndarray.Complex64) {
	t.Helper()
	data, err := simulate.Run(t.Context(), simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 16,
		Scan: simulate.Fermat, Count: count, Step: 6.4, Photons: photons, Seed: 4,
	})
	if err != nil {
		t.Fatal(err)
	}
	return Problem{Patterns: Amplitudes{data.Patterns}, X: data.X, Y: data.Y}, data.Probe
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

func TestCalibratesADefocusedProbe(t *testing.T) {
	data, truth := scanAndProbe(t, 120, 1e6)
	given := defocused(truth, 0.02)
	before := likeness(given, truth)
	r, err := Calibrate(t.Context(), data.from(given), 10, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	after := likeness(r.Probe, truth)
	t.Logf("likeness %.3f -> %.3f, residual %.4f -> %.4f", before, after, r.Residual[0], r.Residual[9])
	if !(before < 0.9) {
		t.Fatalf("the probe given is too good for a test: %v", before)
	}
	// Measured 0.86 -> 0.91, residual 0.011 -> 0.0042: what is left of the defocus hides in an object that is as
	// defocused.
	if !(1-after < 0.75*(1-before)) || !(r.Residual[9] < r.Residual[0]/2) {
		t.Errorf("likeness %v, residuals %v", after, r.Residual)
	}
}

// A right probe is kept, a wrong one is not, not even with few photons.
func TestARightProbeIsKept(t *testing.T) {
	for _, c := range []struct {
		photons float64
		defocus float64
		kept    bool
	}{{1e9, 0, true}, {1e6, 0, true}, {1e9, 0.02, false}, {1e6, 0.02, false}, {1e4, 0.02, false}, {1e3, 0.02, false}} {
		data, truth := scanAndProbe(t, 120, c.photons)
		given := defocused(truth, c.defocus)
		r, err := Calibrate(t.Context(), data.from(given), 10, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%g photons, defocus %g: residual %.5f as given, %.5f fitted", c.photons, c.defocus, r.Given[9],
			r.Residual[9])
		if r.Kept != c.kept || (likeness(r.Probe, given) > 1-1e-9) != c.kept {
			t.Errorf("%g photons, defocus %g: kept %v, want %v", c.photons, c.defocus, r.Kept, c.kept)
		}
	}
}

// A right probe changes little, down to few photons.
func TestFitKeepsNearARightProbe(t *testing.T) {
	// Measured 0.9993, 0.9977, 0.9230 (seed 1).
	for _, c := range []struct{ photons, least float64 }{{1e9, 0.99}, {1e4, 0.97}, {1e3, 0.9}} {
		data, truth := scanAndProbe(t, 120, c.photons)
		r, err := FitProbe(t.Context(), data.from(truth), 10, 1, 0)
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
	run := func(seed uint64, scan int) []complex64 {
		r, err := FitProbe(t.Context(), data.from(probe), 3, seed, scan)
		if err != nil {
			t.Fatal(err)
		}
		return r.Probe.Data
	}
	first := run(1, 0)
	if !slices.Equal(first, run(1, 0)) {
		t.Error("the same seed gave another probe")
	}
	if slices.Equal(first, run(2, 0)) {
		t.Error("another seed gave the same probe")
	}
	if slices.Equal(first, run(1, 1)) {
		t.Error("another scan visits the patterns in the same order")
	}
}

func TestCalibrationWithoutPasses(t *testing.T) {
	data, probe := scanAndProbe(t, 4, 1e5)
	r, err := FitProbe(t.Context(), data.from(probe), 0, 1, 0)
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
	if _, err := Calibrate(ctx, data.from(probe), 5, 1, 0); !errors.Is(err, context.Canceled) {
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
		if d := math.Hypot(x[i]-19.5, y[i]-19.5); !(d < 14) { // a disc of 512 pixels has a radius of 12.8
			t.Errorf("position %v, %v is %v from the middle", x[i], y[i], d)
		}
	}
	if got := Central(x[:5], y[:5], CalibrationPatterns); !slices.Equal(got, []int{0, 1, 2, 3, 4}) {
		t.Errorf("of five: %v", got)
	}
}

// TestCalibrationIgnoresMaskedPixels: wrong values in masked pixels change nothing; without the mask they do.
func TestCalibrationIgnoresMaskedPixels(t *testing.T) {
	data, truth := scanAndProbe(t, 30, 1e6)
	given := defocused(truth, 0.02)
	probe := func(d Problem) *ndarray.Complex64 {
		t.Helper()
		r, err := FitProbe(t.Context(), d.from(given), 3, 1, 0)
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
