package guess_test

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/guess"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scan simulates a scan and opens it without its probe. change, unless nil, replaces the scan before it is written.
func scan(t *testing.T, o simulate.Options, change func(d *dataset.ScanData)) (*dataset.Scan, *ndarray.Complex64) {
	t.Helper()
	d, err := simulate.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&d)
	}
	truth := d.Probe
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	s, err := dataset.Open(path, dataset.Options{NoProbe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, truth
}

func options() simulate.Options {
	return simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Fermat, Count: 80, Step: 5, Photons: 1e5, Seed: 3,
	}
}

func find(t *testing.T, s *dataset.Scan) *guess.Guess {
	t.Helper()
	g, err := guess.FromPatterns(t.Context(), s, 0)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestProbeFromPatterns: the guess is like the true probe, whose far field's phase no pattern shows.
func TestProbeFromPatterns(t *testing.T) {
	for name, c := range map[string]struct {
		slow   bool
		change func(o *simulate.Options)
	}{
		"zone plate": {false, func(*simulate.Options) {}},
		"gaussian":   {true, func(o *simulate.Options) { o.Probe, o.ProbeSize = simulate.Gaussian, 14 }},
		"disk, lines": {true, func(o *simulate.Options) {
			o.Probe, o.Object = simulate.Disk, simulate.Lines
		}},
		"few photons": {true, func(o *simulate.Options) { o.Photons = 1e4 }},
		"128 pixels":  {true, func(o *simulate.Options) { o.N, o.ProbeSize, o.Step = 128, 40, 10 }},
	} {
		t.Run(name, func(t *testing.T) {
			if c.slow {
				testutil.Slow(t)
			}
			o := options()
			c.change(&o)
			s, truth := scan(t, o, nil)
			g := find(t, s)
			if like, _ := optics.Likeness(truth, g.Probe); !(like > 0.95) { // measured: 0.98 and more
				t.Errorf("likeness %.3f to the true probe: %+v", like, g)
			}
			if p := optics.Power(g.Probe) / 1e5; o.Photons == 1e5 && !(p > 0.5 && p < 2) {
				t.Errorf("%.3g times the power of the patterns", p)
			}
		})
	}
}

// TestTheTwinIsRefused: the object and the probe conjugated and turned by half a turn give the same patterns at
// positions turned by half a turn. The positions tell which one it is.
func TestTheTwinIsRefused(t *testing.T) {
	testutil.Slow(t)
	s, truth := scan(t, options(), func(d *dataset.ScanData) {
		for i := range d.X {
			d.X[i], d.Y[i] = -d.X[i], -d.Y[i]
		}
		n := d.Probe.Shape[0]
		twin := d.Probe.Clone()
		for i, v := range d.Probe.Data {
			twin.Data[(n-i/n)%n*n+(n-i%n)%n] = complex(real(v), -imag(v))
		}
		d.Probe, d.Object = twin, nil
	})
	g := find(t, s)
	if like, _ := optics.Likeness(truth, g.Probe); !(like > 0.95) {
		t.Errorf("likeness %.3f to the twin", like)
	}
}

// TestAGuessIsRepeatable: two guesses have the same bytes.
func TestAGuessIsRepeatable(t *testing.T) {
	testutil.Slow(t)
	o := options()
	o.Count = 20
	s, _ := scan(t, o, nil)
	if a, b := find(t, s), find(t, s); !slices.Equal(a.Probe.Data, b.Probe.Data) {
		t.Error("two guesses differ")
	}
}

// TestNoLight: patterns without light are refused.
func TestNoLight(t *testing.T) {
	s, _ := scan(t, options(), func(d *dataset.ScanData) { clear(d.Patterns.Data) })
	if _, err := guess.FromPatterns(t.Context(), s, 0); err == nil {
		t.Error("a probe of dark patterns")
	}
}

// TestAWrongProbeIsReplaced: a probe with the wrong sign of its defocus or half the width gives way to one like the
// true probe, which itself stays.
func TestAWrongProbeIsReplaced(t *testing.T) {
	s, truth := scan(t, options(), nil)
	for name, c := range map[string]struct {
		probe    *ndarray.Complex64
		slow     bool
		replaced bool
		twin     bool
	}{
		"true":       {probe: truth},
		"wrong sign": {probe: conjugated(truth), slow: true, replaced: true, twin: true},
		"half width": {probe: narrowed(truth), slow: true, replaced: true},
	} {
		t.Run(name, func(t *testing.T) {
			if c.slow {
				testutil.Slow(t)
			}
			found, err := guess.Improve(t.Context(), s, c.probe, 0)
			if err != nil {
				t.Fatal(err)
			}
			if (found.Probe != nil) != c.replaced || found.Twin != c.twin {
				t.Fatalf("replaced: %v, twin: %v, residual %.3g, as given %.3g", found.Probe != nil, found.Twin,
					found.Residual, found.Given)
			}
			if found.Alone {
				t.Error("the patterns overlap behind the probe found")
			}
			if !c.replaced {
				return
			}
			if like, _ := optics.Likeness(truth, found.Probe); !(like > 0.95) {
				t.Errorf("likeness %.3f to the true probe", like)
			}
		})
	}
}

// TestAProbeThatSharesNoLightIsToldSo: patterns in steps of 1.4 widths overlap behind a beam that is given too wide,
// and not behind the one that is found.
func TestAProbeThatSharesNoLightIsToldSo(t *testing.T) {
	testutil.Slow(t)
	o := options()
	o.Step = 1.4 * float64(o.ProbeSize)
	s, truth := scan(t, o, nil)
	wide := truth.Clone()
	n := wide.Shape[0]
	for i := range wide.Data {
		wide.Data[i] = 0
		if math.Hypot(float64(i%n-n/2), float64(i/n-n/2)) < float64(n)/3 {
			wide.Data[i] = 1
		}
	}
	found, err := guess.Improve(t.Context(), s, wide, 0)
	if err != nil {
		t.Fatal(err)
	}
	if found.Probe == nil || !found.Alone {
		t.Errorf("replaced: %v, alone: %v, residual %.3g, as given %.3g", found.Probe != nil, found.Alone,
			found.Residual, found.Given)
	}
}

// conjugated is a round probe with the other sign of its defocus.
func conjugated(probe *ndarray.Complex64) *ndarray.Complex64 {
	out := ndarray.New[complex64](probe.Shape...)
	for i, v := range probe.Data {
		out.Data[i] = complex(real(v), -imag(v))
	}
	return out
}

// narrowed is a probe of half the width: every second pixel.
func narrowed(probe *ndarray.Complex64) *ndarray.Complex64 {
	n := probe.Shape[0]
	out := ndarray.New[complex64](n, n)
	for r := range n / 2 {
		for c := range n / 2 {
			out.Data[(r+n/4)*n+c+n/4] = probe.Data[2*r*n+2*c]
		}
	}
	return out
}
