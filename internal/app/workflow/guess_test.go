package workflow

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/solve"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	ort "ptyx/runtime"
)

// withoutProbe copies a scan without its probe and its object.
func withoutProbe(t *testing.T, scan string) string {
	t.Helper()
	s, err := dataset.Open(scan, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	patterns, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bare.npz")
	err = npz.Write(path, []npz.Member{
		{Key: dataset.KeyPatternsAlias, Value: patterns},
		{Key: dataset.KeyX, Value: s.X}, {Key: dataset.KeyY, Value: s.Y},
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSolveWithoutAProbe: a scan without a probe gives the object of the scan with it, turned and mirrored as it.
func TestSolveWithoutAProbe(t *testing.T) {
	testutil.Slow(t)
	scan := blobScan(t, 64)
	bare := withoutProbe(t, scan)
	var log bytes.Buffer
	o := SolveOptions{
		Scan: bare, OutputDir: filepath.Join(t.TempDir(), "out"), Solver: solve.Defaults(25),
		Read: dataset.Options{Input: dataset.Amplitude},
	}
	if _, err := Solve(t.Context(), o, slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	if got := compared(t, o.OutputDir, scan, 0); !(got > 0.97) {
		t.Errorf("correlation %.4f with the truth", got)
	}
	if n := strings.Count(log.String(), "the scan has no probe"); n != 1 {
		t.Errorf("%d lines about the missing probe:\n%s", n, log.String())
	}
}

// problemOf opens a scan and makes the problem of it.
func problemOf(t *testing.T, o SolveOptions, log *slog.Logger) solve.Problem {
	t.Helper()
	p, scan := loaded(t, o, log)
	if err := o.findProbe(t.Context(), &p, scan, log); err != nil {
		t.Fatal(err)
	}
	return p
}

// loaded is the problem of a scan, with its patterns, before any search. Both stay open until the test ends.
func loaded(t *testing.T, o SolveOptions, log *slog.Logger) (solve.Problem, *dataset.Scan) {
	t.Helper()
	scan, err := o.open(log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scan.Close() })
	p, err := o.problem(scan)
	if err != nil {
		t.Fatal(err)
	}
	o.OutputDir = t.TempDir()
	held, err := o.load(t.Context(), scan, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	p.Patterns = held
	return p, scan
}

// TestSolveWarnsOfFaults: a scan with its zero frequency in the corner is solved as it is, with a line that has the
// fix.
func TestSolveWarnsOfFaults(t *testing.T) {
	scan := faulty(t, func(d *dataset.ScanData) {
		shifted := make([]float32, 64*64)
		for m := range d.X {
			p := pattern(d, m)
			for i, v := range p {
				shifted[(i/64+32)%64*64+(i+32)%64] = v
			}
			copy(p, shifted)
		}
	})
	var log bytes.Buffer
	o := SolveOptions{Scan: scan, Read: dataset.Options{Input: dataset.Amplitude}}
	problemOf(t, o, slog.New(slog.NewTextHandler(&log, nil)))
	if n := strings.Count(log.String(), "zero frequency in the corner"); n != 1 ||
		!strings.Contains(log.String(), "fftshift") || !strings.Contains(log.String(), "level=WARN") {
		t.Errorf("%d lines about the corner:\n%s", n, log.String())
	}
}

// TestAWrongProbeIsReplaced: with the wrong sign of the defocus, solve and infer start with another probe and say so,
// unless the user wants to start with the given one.
func TestAWrongProbeIsReplaced(t *testing.T) {
	d, err := simulate.Run(t.Context(), simulate.Options{
		N: 32, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 12,
		Scan: simulate.Fermat, Count: 20, Step: 3, Photons: 1e6, Seed: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	right := d.Probe.Clone()
	for i, v := range d.Probe.Data {
		d.Probe.Data[i] = complex(real(v), -imag(v))
	}
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	read := dataset.Options{Input: dataset.Amplitude}
	solved := func(frozen int) func(log *slog.Logger) *ndarray.Complex64 {
		return func(log *slog.Logger) *ndarray.Complex64 {
			o := SolveOptions{Scan: path, Read: read}
			o.Solver.Freeze.Probe = frozen
			return problemOf(t, o, log).Probe
		}
	}
	inferred := func(passes int) func(log *slog.Logger) *ndarray.Complex64 {
		return func(log *slog.Logger) *ndarray.Complex64 {
			scan, err := dataset.Open(path, read)
			if err != nil {
				t.Fatal(err)
			}
			defer scan.Close()
			n, err := generalNetwork(scan)
			if err != nil {
				t.Fatal(err)
			}
			o := engine.Options{Kind: engine.KindORT, Device: ort.CPU, Threads: 2}
			if err := (ProbeChoice{ScanProbe, passes}).apply(t.Context(), &n, scan, 0, o, log); err != nil {
				t.Fatal(err)
			}
			return n.contract.Probe
		}
	}
	for name, c := range map[string]struct {
		probe    func(log *slog.Logger) *ndarray.Complex64
		replaced bool
	}{
		"solve": {solved(0), true}, "solve, frozen": {solved(1), false},
		"infer": {inferred(3), true}, "infer, as given": {inferred(0), false},
	} {
		var log bytes.Buffer
		probe := c.probe(slog.New(slog.NewTextHandler(&log, nil)))
		if like, _ := optics.Likeness(probe, right); (like > 0.9) != c.replaced {
			t.Errorf("%s: a likeness of %.3f to the true probe", name, like)
		}
		if got := strings.Contains(log.String(), "its defocus may have the wrong sign"); got != c.replaced {
			t.Errorf("%s:\n%s", name, log.String())
		}
	}
}

// TestPatternsBeyondTheMemoryLimitStayOnDisk: 140 patterns of counts take 1.15 MB.
func TestPatternsBeyondTheMemoryLimitStayOnDisk(t *testing.T) {
	o := SolveOptions{Scan: simulated(t, 64, 140), OutputDir: filepath.Join(t.TempDir(), "absent")}
	for limit, want := range map[int]bool{0: false, 1: true, 2: false} {
		o.Memory = limit
		scan, err := o.open(silent())
		if err != nil {
			t.Fatal(err)
		}
		defer scan.Close()
		held, err := o.hold(scan)
		if err != nil {
			t.Fatal(err)
		}
		defer held.Close()
		if held.OnDisk() != want {
			t.Errorf("%d MB: on disk is %v", limit, held.OnDisk())
		}
	}
}
