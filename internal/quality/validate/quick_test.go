package validate_test

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ptyx/internal/quality/validate"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
)

// quick writes a scan and looks at it quickly, with its probe or without.
func quick(t *testing.T, d dataset.ScanData, withProbe bool) []validate.Finding {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	scan, err := dataset.Open(path, dataset.Options{NoProbe: !withProbe})
	if err != nil {
		t.Fatal(err)
	}
	defer scan.Close()
	return validate.Quick(t.Context(), scan, scan.Probe)
}

// TestQuickFaults: each fault is found with its fix, and nothing else, with a probe and without.
func TestQuickFaults(t *testing.T) {
	for _, c := range []struct {
		check, found, fix string
		needsProbe        bool
		spoil             func(d *dataset.ScanData)
	}{
		{check: "centre", found: "zero frequency in the corner", fix: "fftshift", spoil: func(d *dataset.ScanData) {
			each(d.Patterns, func(_ int, p []float32) { copy(p, rolled(slices.Clone(p), 64)) })
		}},
		{check: "background", found: "in every pixel of every pattern", fix: "subtract the dark image",
			spoil: func(d *dataset.ScanData) {
				for i, v := range d.Patterns.Data {
					d.Patterns.Data[i] = float32(math.Sqrt(float64(v)*float64(v) + 20))
				}
			}},
		{check: "saturated", found: "the largest value, 10, ", fix: "less light", spoil: func(d *dataset.ScanData) {
			for i, v := range d.Patterns.Data {
				d.Patterns.Data[i] = min(v, 10)
			}
		}},
		{check: "units", found: "microns, it seems", fix: "divide by",
			spoil: func(d *dataset.ScanData) { scale(d, 0.05) }},
		{check: "overlap", found: "an overlap of 0%", fix: "another unit", needsProbe: true,
			spoil: func(d *dataset.ScanData) { scale(d, 20) }},
		{check: "probe", found: "in the corner", fix: "fftshift(probe)", needsProbe: true,
			spoil: func(d *dataset.ScanData) { d.Probe.Data = rolled(d.Probe.Data, 64) }},
	} {
		for _, withProbe := range []bool{true, false} {
			if c.needsProbe && !withProbe {
				continue
			}
			d := good(t)
			d.Object = nil
			c.spoil(&d)
			f := quick(t, d, withProbe)
			if len(f) != 1 || f[0].Check != c.check || !strings.Contains(f[0].Line(), c.found) ||
				!strings.Contains(f[0].Line(), c.fix) {
				t.Errorf("%s, probe %v: %+v", c.check, withProbe, f)
			}
		}
	}
}

// TestFewPhotons: counts below a few hundred in a pattern are a finding, numbers that are no counts are not.
func TestFewPhotons(t *testing.T) {
	o := simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Raster, Count: 70, Step: 6, Photons: 100, Seed: 3,
	}
	d := simulated(t, o)
	if f := quick(t, d, true); len(f) != 1 || f[0].Check != "photons" {
		t.Errorf("100 photons: %+v", f)
	}
	for i := range d.Patterns.Data {
		d.Patterns.Data[i] *= 0.0123
	}
	if f := quick(t, d, true); len(f) != 0 {
		t.Errorf("scaled patterns: %+v", f)
	}
}

// TestQuickIsQuietOnGoodScans of every kind of object, probe and scan, and quick.
func TestQuickIsQuietOnGoodScans(t *testing.T) {
	for _, object := range []simulate.ObjectKind{simulate.Star, simulate.Lines, simulate.Blobs} {
		for _, probe := range []simulate.ProbeKind{simulate.ZonePlate, simulate.Gaussian, simulate.Disk} {
			for _, photons := range []float64{1e3, 1e6} {
				d := simulated(t, simulate.Options{
					N: 64, Object: object, Absorption: 0.4, Phase: 1, Probe: probe, ProbeSize: 20,
					Scan: simulate.Fermat, Count: 60, Step: 5, Photons: photons, Seed: 1,
				})
				start := time.Now()
				f := append(quick(t, d, true), quick(t, d, false)...)
				if len(f) > 0 {
					t.Errorf("%s, %s, %g photons: %+v", object, probe, photons, f)
				}
				t.Log(time.Since(start))
			}
		}
	}
}
