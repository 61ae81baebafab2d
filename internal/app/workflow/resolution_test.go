package workflow

import (
	"bytes"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/quality/evaluate"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	ort "ptyx/runtime"
)

// TestSolveStatesTheResolution: with --resolution the result holds the curve, and a map as large as the object. The
// object is that of a run without it. A later run without it leaves no picture of the earlier resolution.
func TestSolveStatesTheResolution(t *testing.T) {
	o := SolveOptions{
		Scan: simulated(t, 64, 100), OutputDir: filepath.Join(t.TempDir(), "out"), Solver: solve.Defaults(8),
		Read:   dataset.Options{Input: dataset.Amplitude, View: dataset.View{PixelSizeNM: 10}},
		Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 1}, Resolution: true,
	}
	file := filepath.Join(o.OutputDir, reconstruct.ObjectFile)
	picture := filepath.Join(o.OutputDir, evaluate.ResolutionFile)
	with, err := Solve(t.Context(), o, silent())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(picture); err != nil {
		t.Error(err)
	}
	cut := with.Resolution.AtHalfBit
	if !(cut.Frequency > 0.1 && cut.HalfPeriodNM == 10*cut.HalfPeriod) {
		t.Errorf("resolution %+v", cut)
	}
	r, err := npz.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	object, err := r.Complex64("object")
	if err != nil {
		t.Fatal(err)
	}
	local, err := r.Float32(evaluate.KeyResolution)
	if err != nil || len(local.Data) != len(object.Data) {
		t.Errorf("a map of shape %v for an object of shape %v: %v", local.Shape, object.Shape, err)
	}
	resolved := 0
	for _, v := range local.Data {
		if v >= 1 && v < 10 {
			resolved++
		}
	}
	if resolved < len(local.Data)/8 {
		t.Errorf("%d of %d pixels have a resolution", resolved, len(local.Data))
	}
	_ = r.Close()

	o.Resolution = false
	without, err := Solve(t.Context(), o, silent())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(picture); without.Resolution != nil || !os.IsNotExist(err) {
		t.Errorf("without --resolution: %+v, picture %v", without.Resolution, err)
	}
	if with.Solver.Residual != without.Solver.Residual {
		t.Errorf("residual %v, without --resolution %v", with.Solver.Residual, without.Solver.Residual)
	}
}

// TestOnePositionHasNoResolution: the halves would agree to the pixel, since any object explains the mean pattern.
func TestOnePositionHasNoResolution(t *testing.T) {
	scan := faulty(t, func(d *dataset.ScanData) {
		noise, first := rand.New(rand.NewPCG(1, 2)), slices.Clone(pattern(d, 0))
		d.Patterns, d.X, d.Y = ndarray.New[float32](20, 64, 64), make([]float64, 20), make([]float64, 20)
		for i := range d.X {
			d.X[i], d.Y[i] = 50, 50
			for q, v := range first {
				pattern(d, i)[q] = max(0, v+float32(noise.NormFloat64()/2))
			}
		}
	})
	var log bytes.Buffer
	o := SolveOptions{
		Scan: scan, OutputDir: filepath.Join(t.TempDir(), "out"), Solver: solve.Defaults(8), Resolution: true,
		Read:   dataset.Options{Input: dataset.Amplitude},
		Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 1},
	}
	result, err := Solve(t.Context(), o, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if result.Resolution != nil || !strings.Contains(log.String(), "does not explain how the patterns differ") {
		t.Errorf("resolution %+v, residual %v\n%s", result.Resolution, result.Solver.Residual, log.String())
	}
}

// TestFewPatternsHaveNoHalves: they are refused before anything is solved or written.
func TestFewPatternsHaveNoHalves(t *testing.T) {
	o := SolveOptions{
		Scan: simulated(t, 64, leastForHalves-1), OutputDir: filepath.Join(t.TempDir(), "out"),
		Solver: solve.Defaults(8), Read: dataset.Options{Input: dataset.Amplitude}, Resolution: true,
		Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 1},
	}
	_, err := Solve(t.Context(), o, silent())
	if bad := (*badinput.Error)(nil); !errors.As(err, &bad) || bad.Key != "--resolution" {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(o.OutputDir, reconstruct.ObjectFile)); !os.IsNotExist(err) {
		t.Errorf("an object was written (%v)", err)
	}
}
