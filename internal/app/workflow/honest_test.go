package workflow

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/format/npz"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/models"
)

// flawless is a scan of 12 patterns.
var flawless = sync.OnceValues(func() (dataset.ScanData, error) {
	return simulate.Run(context.Background(), simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.Gaussian, ProbeSize: 16,
		Scan: simulate.Fermat, Count: 12, Step: 4, Photons: 1e4, Seed: 1,
	})
})

// faulty writes that scan with a fault of the experiment.
func faulty(t *testing.T, fault func(d *dataset.ScanData)) string {
	t.Helper()
	d, err := flawless()
	if err != nil {
		t.Fatal(err)
	}
	d.X, d.Y, d.Patterns = slices.Clone(d.X), slices.Clone(d.Y), d.Patterns.Clone()
	fault(&d)
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	return path
}

// pattern is one of a scan's.
func pattern(d *dataset.ScanData, i int) []float32 { return d.Patterns.Data[i*64*64 : (i+1)*64*64] }

// Faults of an experiment have outcomes that are known: each command says in a typed error what it does not take, and
// otherwise every number that it writes is finite, whatever the fault.
func TestFaultsOfTheExperiment(t *testing.T) {
	good := faulty(t, func(*dataset.ScanData) {})
	o := options(t, engine.KindORT)
	o.TrainFiles, o.Config.Extent, o.Config.MaxEpochs, o.Config.ProbePasses = Paths{good}, models.Full, 1, 2
	trained(t, o)
	model, engine := o.OutputDir, o.Engine
	const nan = "NaN in frame 3 at pixel (row 1, column 13)"
	for _, tc := range []struct {
		name  string
		fault func(d *dataset.ScanData)
		// What the error says; empty: there is none, and the result is finite.
		train, infer, solve string
	}{
		{"dead pixels", func(d *dataset.ScanData) {
			for i := range 12 {
				for _, at := range []int{32*64 + 32, 32*64 + 33, 20*64 + 40} {
					pattern(d, i)[at] = 0
				}
			}
		}, "", "", ""},
		{"saturated pixels", func(d *dataset.ScanData) {
			for i, v := range d.Patterns.Data {
				d.Patterns.Data[i] = min(v, 3)
			}
		}, "", "", ""},
		{"a pixel of NaN", func(d *dataset.ScanData) { pattern(d, 3)[77] = float32(math.NaN()) }, nan, nan, nan},
		{"an overflow", func(d *dataset.ScanData) { pattern(d, 3)[77] = 1e10 },
			"1e+10 in frame 3", "1e+10 in frame 3", "1e+10 in frame 3"},
		{"an all-zero frame", func(d *dataset.ScanData) { clear(pattern(d, 3)) }, "", "", ""},
		{"no light at all", func(d *dataset.ScanData) { clear(d.Patterns.Data) },
			"zero everywhere", "no light in any of the 12 patterns", "zero everywhere"},
		{"one position repeated", func(d *dataset.ScanData) { d.X[4], d.Y[4] = d.X[3], d.Y[3] }, "", "", ""},
		{"all positions the same", func(d *dataset.ScanData) {
			for i := range d.X {
				d.X[i], d.Y[i] = 64, 64
			}
		}, "", "", ""},
		{"a position outside the field", func(d *dataset.ScanData) { d.X[4] += 400 }, "", "", ""},
		{"a negative position", func(d *dataset.ScanData) { d.X[4] = -200 }, "", "", ""},
		{"a position on the moon", func(d *dataset.ScanData) { d.X[4] = 1e9 },
			"1e+09 at position 4", "1e+09 at position 4", "1e+09 at position 4"},
		{"a position of NaN", func(d *dataset.ScanData) { d.X[4] = math.NaN() },
			"NaN at position 4", "NaN at position 4", "NaN at position 4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			scan, dir := faulty(t, tc.fault), t.TempDir()
			run, inferred, solved := filepath.Join(dir, "run"), filepath.Join(dir, "out"), filepath.Join(dir, "solved")
			o := o
			o.TrainFiles, o.OutputDir = Paths{scan}, run
			_, err := Train(t.Context(), o, io.Discard, silent())
			outcome(t, "train", err, tc.train, filepath.Join(run, "probe.npz"), "probeGuess")
			byNetwork := InferOptions{Model: model, Scan: scan, OutputDir: inferred, Selection: all(16), Engine: engine}
			_, err = Infer(t.Context(), byNetwork, silent())
			outcome(t, "infer", err, tc.infer, filepath.Join(inferred, reconstruct.ObjectFile), "object")
			bySolver := SolveOptions{Scan: scan, OutputDir: solved, Engine: engine, Solver: solve.Defaults(2)}
			_, err = Solve(t.Context(), bySolver, silent())
			outcome(t, "solve", err, tc.solve, filepath.Join(solved, reconstruct.ObjectFile), "object")
		})
	}
}

// outcome expects a typed error, or finite complex values in an array of a file.
func outcome(t *testing.T, command string, err error, want, file, key string) {
	t.Helper()
	if want != "" {
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", command, err, want)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", command, err)
		return
	}
	r, err := npz.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	values, err := r.Complex64(key)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values.Data {
		if m := math.Hypot(float64(real(v)), float64(imag(v))); !(m <= math.MaxFloat32) {
			t.Fatalf("%s: %s is %v at element %d", command, key, v, i)
		}
	}
}

// Names of members are keys and nothing else: a scan that has them like paths is trained on and inferred, and no file
// appears but those of the output directories.
func TestNamesLeaveNoDirectory(t *testing.T) {
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	content := read(t, simulated(t, 64, 4))
	r, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range r.File {
		if err := w.Copy(f); err != nil {
			t.Fatal(err)
		}
		absolute := "/" + filepath.ToSlash(dir) + "/evil"
		for _, name := range []string{"../evil", "../../evil", absolute, `..\evil`, "evil\x00", ""} {
			header := f.FileHeader
			header.Name = name + ".npy"
			raw, err := f.OpenRaw()
			if err != nil {
				t.Fatal(err)
			}
			to, err := w.CreateRaw(&header)
			if err == nil {
				_, err = io.Copy(to, raw)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(scan, b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	o := options(t, engine.KindORT)
	o.TrainFiles, o.OutputDir, o.Config.MaxEpochs = Paths{scan}, filepath.Join(dir, "a", "run"), 1
	trained(t, o)
	out := filepath.Join(dir, "a", "out")
	infer := InferOptions{Model: o.OutputDir, Scan: scan, OutputDir: out, Selection: all(4), Engine: o.Engine}
	if _, err := Infer(t.Context(), infer, silent()); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{dir, filepath.Join(dir, "a")} {
		entries, err := os.ReadDir(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := e.Name(); name != "scan.npz" && name != "a" && name != "run" && name != "out" {
				t.Errorf("%s holds %q", d, name)
			}
		}
	}
}
