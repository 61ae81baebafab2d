package workflow

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	ort "ptyx/runtime"
)

// TestAResumedSolutionSearchesNoMore: neither for the probe nor for the positions. It ends with the bytes of a run that
// never stopped.
func TestAResumedSolutionSearchesNoMore(t *testing.T) {
	d, err := simulate.Run(t.Context(), simulate.Options{
		N: 32, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 12,
		Scan: simulate.Fermat, Count: 16, Step: 3, Photons: 1e6, Seed: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range d.Probe.Data { // the other sign of the defocus
		d.Probe.Data[i] = complex(real(v), -imag(v))
	}
	for i := range d.X {
		d.X[i] *= 1.02
	}
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	if err := dataset.Write(scan, d); err != nil {
		t.Fatal(err)
	}
	run := func(out string, passes int, resume bool) (log, progress string) {
		t.Helper()
		var lines, passed bytes.Buffer
		o := SolveOptions{
			Scan: scan, OutputDir: filepath.Join(dir, out), Solver: solve.Defaults(passes), Resume: resume,
			Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 2}, Progress: &passed,
			Read: dataset.Options{Input: dataset.Amplitude},
		}
		o.Solver.Positions = true
		if _, err := Solve(t.Context(), o, slog.New(slog.NewTextHandler(&lines, nil))); err != nil {
			t.Fatal(err)
		}
		return lines.String(), passed.String()
	}
	log, progress := run("whole", 4, false)
	if !strings.Contains(log, "starts with one that it makes") || !strings.Contains(progress, "two solutions") {
		t.Fatalf("no search:\n%s%s", log, progress)
	}
	run("cut", 2, false)
	log, progress = run("cut", 4, true)
	if strings.Contains(log, "starts with one that it makes") || strings.Count(progress, "\n") != 2 {
		t.Errorf("searched again:\n%s%s", log, progress)
	}
	for _, file := range []string{"reconstruction.npz", SolvedProbeFile, SolverStateFile} {
		want, err := os.ReadFile(filepath.Join(dir, "whole", file))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, "cut", file)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not that of a run that never stopped (%v)", file, err)
		}
	}
}
