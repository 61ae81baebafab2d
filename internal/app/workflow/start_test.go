package workflow

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/quality/evaluate"
	"ptyx/internal/quality/metrics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/simulate"
	ort "ptyx/runtime"
)

// TestStartsFromANetworkOrAFile: two passes from the network's object, and from a result, are better than two from an
// empty object, and a run from the network resumes.
func TestStartsFromANetworkOrAFile(t *testing.T) {
	dir := t.TempDir()
	scan := filepath.Join(dir, "scan.npz")
	if _, err := simulate.File(t.Context(), scan, simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 24,
		Scan: simulate.Fermat, Count: 60, Step: 6, Photons: 1e6, Seed: 3,
	}); err != nil {
		t.Fatal(err)
	}
	truth, err := evaluate.Load(scan)
	if err != nil {
		t.Fatal(err)
	}
	run := func(start, out string, passes int, resume bool) float64 {
		o := SolveOptions{
			Scan: scan, Start: start, OutputDir: filepath.Join(dir, out), Solver: solve.Defaults(passes),
			Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 2}, Resume: resume,
		}
		if _, err := Solve(t.Context(), o, silent()); err != nil {
			t.Fatal(err)
		}
		found, err := evaluate.Load(o.OutputDir)
		if err != nil {
			t.Fatal(err)
		}
		report, err := metrics.Compare(found.Image, truth.Image, metrics.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return report.Correlation
	}
	empty, network := run("", "empty", 2, false), run(NetworkStart, "network", 2, false)
	file, further := run(filepath.Join(dir, "network"), "file", 2, false), run(NetworkStart, "network", 4, true)
	t.Logf("correlation %.4f from an empty object, %.4f from the network; further %.4f from its result, %.4f resumed",
		empty, network, file, further)
	if !(network > empty+0.05) || !(file > network) || !(further > network) {
		t.Errorf("correlation %.4f from an empty object, %.4f from the network; further %.4f from its result, %.4f "+
			"resumed", empty, network, file, further)
	}
	_, err = Solve(t.Context(), SolveOptions{
		Scan: scan, Start: filepath.Join(dir, "none"), OutputDir: dir, Solver: solve.Defaults(1),
	}, silent())
	if err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a start that is missing: %v", err)
	}
}

// TestLittleOverlapStartsFromTheNetwork looks which start is chosen for dense and sparse scans, and for a pattern size
// that the network does not serve. The probe is frozen, so nothing calibrates it.
func TestLittleOverlapStartsFromTheNetwork(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name    string
		n       int
		step    float64
		network bool
	}{
		{"dense", 64, 6, false}, {"sparse", 64, 18, true}, {"sparse, 60 pixels", 60, 18, false},
	} {
		scan, out := filepath.Join(dir, c.name+".npz"), filepath.Join(dir, c.name)
		if _, err := simulate.File(t.Context(), scan, simulate.Options{
			N: c.n, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.Gaussian, ProbeSize: 16,
			Scan: simulate.Fermat, Count: 40, Step: c.step, Photons: 1e6, Seed: 3,
		}); err != nil {
			t.Fatal(err)
		}
		for _, start := range []string{AutoStart, EmptyStart} {
			o := SolveOptions{
				Scan: scan, Start: start, OutputDir: out, Solver: solve.Defaults(1),
				Engine: engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 2},
			}
			o.Solver.Freeze.Probe = 1
			var lines strings.Builder
			if _, err := Solve(t.Context(), o, slog.New(slog.NewTextHandler(&lines, nil))); err != nil {
				t.Fatal(err)
			}
			network := strings.Contains(lines.String(), "the general network computes the first object")
			if want := c.network && start == AutoStart; network != want {
				t.Errorf("%s, --start %s: the network made the first object: %v, want %v", c.name, start, network, want)
			}
		}
	}
}
