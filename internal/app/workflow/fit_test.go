package workflow

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/physics/spectrum"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/trainer"
)

// The two warnings of warnOfFit.
const (
	unexplained = "does not explain its patterns"
	showsNought = "no more than photon noise"
)

// sceneFor describes a scan like that of the training.
func sceneFor(photons, step float64) simulate.Options {
	return simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 18,
		Scan: simulate.Fermat, Count: 100, Step: step, Photons: photons, Seed: 4,
	}
}

// altered simulates a scan, changes it and writes it.
func altered(t *testing.T, o simulate.Options, change func(d *dataset.ScanData)) string {
	t.Helper()
	d, err := simulate.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	change(&d)
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	return path
}

// each replaces every pattern (64, 64) by what pixel (row, column) takes from it.
func each(d *dataset.ScanData, from func(row, column int) (int, int)) {
	const n = 64
	for j := range len(d.X) {
		pattern := d.Patterns.Data[j*n*n:][:n*n]
		before := slices.Clone(pattern)
		for i := range pattern {
			row, column := from(i/n, i%n)
			pattern[i] = before[(row+n)%n*n+(column+n)%n]
		}
	}
}

// nearField replaces patterns by images of the object on a detector close behind it.
func nearField(d *dataset.ScanData) {
	const n, photons = 64, 1e5
	far, wave := spectrum.NewTransform(n, n), make([]complex128, n*n)
	random := stream.New(1, "workflow/test")
	width := d.Object.Shape[1]
	for j := range d.X {
		top, left := int(d.Y[j]+0.5)-n/2, int(d.X[j]+0.5)-n/2
		for i := range wave {
			wave[i] = complex128(d.Object.Data[(top+i/n)*width+left+i%n])
		}
		far.Forward(wave)
		for i := range wave {
			ky, kx := float64(spectrum.Frequency(i/n, n)), float64(spectrum.Frequency(i%n, n))
			sin, cos := math.Sincos(-0.02 * (ky*ky + kx*kx))
			wave[i] *= complex(cos, sin)
		}
		far.Inverse(wave)
		for i, v := range wave {
			mean := (real(v)*real(v) + imag(v)*imag(v)) * photons / (n * n)
			d.Patterns.Data[j*n*n+i] = float32(math.Sqrt(distuv.Poisson{Lambda: mean, Src: random}.Rand()))
		}
	}
}

// nothing is patterns (100, 64, 64) without an object.
func nothing(t *testing.T) *ndarray.Float32 {
	t.Helper()
	o := sceneFor(1e5, 4)
	o.Absorption, o.Phase = 0, 0
	d, err := simulate.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return d.Patterns
}

// TestWarningsOfTheFit: a network that was trained on a scan is silent about scans of its kind, at any photons, overlap
// and unit, and warns of each scan in which something is wrong.
func TestWarningsOfTheFit(t *testing.T) {
	run := options(t, engine.KindORT)
	run.TrainFiles = Paths{altered(t, sceneFor(1e6, 4), func(*dataset.ScanData) {})}
	run.Config = trainer.DefaultConfig()
	run.Config.MaxEpochs, run.Config.FiltersScale = 5, 1
	trained(t, run)
	gaussian, err := simulate.Probe(simulate.Gaussian, 64, 8)
	if err != nil {
		t.Fatal(err)
	}
	roll := func(rows, columns int) func(d *dataset.ScanData) {
		return func(d *dataset.ScanData) {
			each(d, func(r, c int) (int, int) { return r - rows, c - columns })
		}
	}
	scaled := func(d *dataset.ScanData) {
		for i := range d.Patterns.Data {
			d.Patterns.Data[i] *= 0.0123
		}
	}
	none := func(*dataset.ScanData) {}
	for _, c := range []struct {
		what    string
		photons float64
		step    float64
		change  func(d *dataset.ScanData)
		probe   *ndarray.Complex64 // given to the network; nil: that of the model
		warning string
	}{
		{"1e3 photons", 1e3, 4, none, nil, ""},
		{"1e5 photons", 1e5, 4, none, nil, ""},
		{"1e8 photons", 1e8, 4, none, nil, ""},
		{"no counts", 1e5, 4, scaled, nil, ""},
		{"sparse", 1e5, 14, none, nil, ""},
		{"centre off by 2 pixels", 1e5, 4, roll(2, 1), nil, unexplained},
		{"centre off by 7 pixels", 1e5, 4, roll(0, 7), nil, unexplained},
		{"rows and columns exchanged", 1e5, 4, func(d *dataset.ScanData) {
			each(d, func(r, c int) (int, int) { return c, r })
		}, nil, unexplained},
		{"mirrored patterns", 1e5, 4, func(d *dataset.ScanData) {
			each(d, func(r, c int) (int, int) { return r, -c })
		}, nil, unexplained},
		{"x and y exchanged", 1e5, 4, func(d *dataset.ScanData) { d.X, d.Y = d.Y, d.X }, nil, unexplained},
		{"another probe", 1e5, 4, none, gaussian, unexplained},
		{"near field", 1e5, 4, nearField, nil, unexplained},
		{"centre off, no counts", 1e5, 4, func(d *dataset.ScanData) { roll(2, 1)(d); scaled(d) }, nil, unexplained},
		{"empty", 1e5, 4, func(d *dataset.ScanData) { d.Patterns = nothing(t) }, nil, showsNought},
	} {
		t.Run(c.what, func(t *testing.T) {
			scan := altered(t, sceneFor(c.photons, c.step), c.change)
			o := InferOptions{Model: run.OutputDir, Engine: run.Engine, Scan: scan}
			if c.probe != nil {
				o.Probe.From = probeFile(t, c.probe)
			}
			_, correlation, log := withProbe(t, o)
			for _, warning := range []string{unexplained, showsNought} {
				if got := strings.Contains(log, warning); got != (warning == c.warning) {
					t.Errorf("correlation %.2f, warning %q: %t\n%s", correlation, warning, got, log)
				}
			}
		})
	}
}

// TestAFitNeedsPatterns: a few patterns do not tell, nor do those of an empty scan, and the result is valid JSON.
func TestAFitNeedsPatterns(t *testing.T) {
	o := sceneFor(1e5, 4)
	run := takingProbe(t, altered(t, o, func(*dataset.ScanData) {}), 1)
	for _, c := range []struct {
		count  int
		change func(d *dataset.ScanData)
		known  bool
	}{
		{7, func(*dataset.ScanData) {}, false}, {8, func(*dataset.ScanData) {}, true},
		{100, func(d *dataset.ScanData) { d.Patterns = nothing(t) }, false},
	} {
		o.Count = c.count
		job := InferOptions{
			Model: run.OutputDir, Engine: run.Engine, Scan: altered(t, o, c.change),
			OutputDir: filepath.Join(t.TempDir(), "out"), Selection: all(16),
		}
		saved, err := Infer(t.Context(), job, silent())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(saved); err != nil || (saved.Unexplained != nil) != c.known {
			t.Errorf("%d patterns: unexplained %s, error %v", c.count, fmt.Sprint(saved.Unexplained), err)
		}
	}
}
