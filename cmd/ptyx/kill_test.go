package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ptyx/internal/base/testutil"
)

// moments is how many times each command is killed: the environment variable PTYX_KILLS, or 3.
func moments(t *testing.T) int {
	t.Helper()
	text := os.Getenv("PTYX_KILLS")
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("PTYX_KILLS is %q, expected a number of kills", text)
	}
	return n
}

// killed runs the program and kills it (SIGKILL) after a while; done tells that it was done before.
func (p process) killed(after time.Duration, args ...string) (done bool) {
	p.t.Helper()
	c := p.command(0, args...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		p.t.Fatal(err)
	}
	end := make(chan error, 1)
	go func() { end <- c.Wait() }()
	select {
	case err := <-end:
		if err != nil {
			p.t.Fatalf("ptyx %s: %v\n%s", strings.Join(args, " "), err, said.String())
		}
		return true
	case <-time.After(after):
	}
	_ = c.Process.Kill()
	<-end
	return false
}

// lasts runs the program to its end and tells how long that took.
func (p process) lasts(args ...string) time.Duration {
	p.t.Helper()
	start := time.Now()
	p.run(args...)
	return time.Since(start)
}

// unfinished are the names in a directory that are not those of finished files.
func unfinished(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names
}

// smallScan is a scan of 16 patterns.
func smallScan(p process) string {
	scan := filepath.Join(p.t.TempDir(), "scan.npz")
	p.run("simulate", "--out", scan, "--positions", "16", "--step", "8", "--nphotons", "1e5", "--seed", "3")
	return scan
}

func training(scan, dir string) []string {
	return []string{"train", "--train-data-file", scan, "--output-dir", dir, "--max-epochs", "3", "--n-images", "8",
		"--batch-size", "4", "--n-filters-scale", "1", "--seed", "5", "--device", "cpu"}
}

var trained = []string{"model.onnx", "best.onnx", "probe.npz", "probe.png", "loss.png"}

// TestFaults does to the program what happens to programs: kills, full disks, places that take nothing.
func TestFaults(t *testing.T) {
	testutil.Slow(t)
	p := newProcess(t)
	scan := smallScan(p)
	whole := filepath.Join(t.TempDir(), "whole")
	long := p.lasts(training(scan, whole)...)
	for name, test := range map[string]func(t *testing.T, scan, whole string, long time.Duration){
		"training survives kills": trainingSurvivesKills, "inference survives kills": inferenceSurvivesKills,
		"a server survives kills": serverSurvivesKills, "many machines survive kills": manyMachinesSurviveKills,
		"full disk": fullDisk, "read-only directory": readOnlyDirectory,
	} {
		t.Run(name, func(t *testing.T) { test(t, scan, whole, long) })
	}
}

// A training is killed at any moment and resumed: it ends with the bytes of one that nobody disturbed, and what was
// killed has left nothing.
func trainingSurvivesKills(t *testing.T, scan, whole string, long time.Duration) {
	for i := range moments(t) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			p := newProcess(t)
			r := rand.New(rand.NewPCG(uint64(i), 7))
			dir := filepath.Join(t.TempDir(), "run")
			p.killed(within(r, long), training(scan, dir)...)
			if _, err := os.Stat(filepath.Join(dir, "config.yaml")); err != nil { // killed before it started
				p.run(training(scan, dir)...)
			} else {
				p.killed(within(r, long), "train", "--resume", dir) // a second time, now while it resumes
				p.run("train", "--resume", dir)
			}
			sameBytes(t, whole, dir, trained...)
			if left := unfinished(t, dir); len(left) > 0 {
				t.Errorf("left in the run directory: %v", left)
			}
		})
	}
}

// within is a moment of a run that takes so long, or a little longer.
func within(r *rand.Rand, long time.Duration) time.Duration {
	return time.Duration(r.Float64() * 1.1 * float64(long))
}

func sameBytes(t *testing.T, want, got string, names ...string) {
	t.Helper()
	for _, name := range names {
		a, errA := os.ReadFile(filepath.Join(want, name))
		b, errB := os.ReadFile(filepath.Join(got, name))
		if errA != nil || errB != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %d bytes, %v, and %d bytes, %v", name, len(a), errA, len(b), errB)
		}
	}
}

var inferred = []string{
	"reconstruction.npz", "reconstructed_amplitude.png", "reconstructed_phase.png", "reconstructed_spread.png",
	"reconstructed_coverage.png", "reconstructed_sigma.png",
}

// An inference is killed at any moment over an older result: each file is the old one or the new one, never part of
// one.
func inferenceSurvivesKills(t *testing.T, scan, model string, _ time.Duration) {
	p := newProcess(t)
	before, after := filepath.Join(t.TempDir(), "before"), filepath.Join(t.TempDir(), "after")
	infer := func(dir string, count int) []string {
		return []string{"infer", "--model-path", model, "--test-data", scan, "--output-dir", dir,
			"--n-images", fmt.Sprint(count), "--device", "cpu"}
	}
	p.run(infer(before, 5)...)
	long := p.lasts(infer(after, 16)...)
	for i := range moments(t) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			p := newProcess(t)
			dir := filepath.Join(t.TempDir(), "out")
			if err := os.CopyFS(dir, os.DirFS(before)); err != nil {
				t.Fatal(err)
			}
			p.killed(within(rand.New(rand.NewPCG(uint64(i), 8)), long), infer(dir, 16)...)
			for _, name := range inferred {
				oldOrNew(t, name, before, after, dir)
			}
			p.run(infer(dir, 16)...)
			sameBytes(t, after, dir, inferred...)
		})
	}
}

func oldOrNew(t *testing.T, name, before, after, dir string) {
	t.Helper()
	var content [3][]byte
	for i, d := range []string{before, after, dir} {
		var err error
		if content[i], err = os.ReadFile(filepath.Join(d, name)); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(content[2], content[0]) && !bytes.Equal(content[2], content[1]) {
		t.Errorf("%s is neither the old file nor the new one: %d bytes", name, len(content[2]))
	}
}

// A disk that fills up while a file is written ends the command in one sentence, and every file is as it was or whole.
// What was reached can be resumed when there is room again.
func fullDisk(t *testing.T, scan, whole string, _ time.Duration) {
	p := newProcess(t)
	dir := filepath.Join(t.TempDir(), "run")
	fails := func(limit int, args ...string) {
		t.Helper()
		out, err := p.command(limit, args...).CombinedOutput()
		text := strings.TrimSpace(string(out))
		last := text[strings.LastIndex(text, "\n")+1:] // a sentence is one line
		if err == nil || !strings.HasPrefix(last, "ptyx: ") || !strings.Contains(last, "file too large") {
			t.Errorf("ptyx %s with files of %d KiB at most: %v\n%s", args[0], limit, err, text)
		}
	}
	fails(1000, training(scan, dir)...) // the state after the first epoch has no room
	p.run("train", "--resume", dir)
	sameBytes(t, whole, dir, trained...)

	fails(1000, append(training(scan, dir), "--seed", "6")...) // over what is there
	sameBytes(t, whole, dir, trained...)
	if left := unfinished(t, dir); len(left) > 0 {
		t.Errorf("left in the run directory: %v", left)
	}

	out := filepath.Join(t.TempDir(), "out")
	infer := []string{"infer", "--model-path", whole, "--test-data", scan, "--output-dir", out, "--device", "cpu"}
	p.run(infer...)
	before := filepath.Join(t.TempDir(), "before")
	if err := os.CopyFS(before, os.DirFS(out)); err != nil {
		t.Fatal(err)
	}
	fails(4, append(infer, "--n-images", "5")...)
	sameBytes(t, before, out, inferred...)
	if left := unfinished(t, out); len(left) > 0 {
		t.Errorf("left in the output directory: %v", left)
	}
}

// A directory that takes no files is refused before any work, even from root.
func readOnlyDirectory(t *testing.T, scan, _ string, _ time.Duration) {
	p := newProcess(t)
	for _, args := range [][]string{
		training(scan, "/proc/run"), {"solve", "--data", scan, "--output-dir", "/proc/out"},
		{"simulate", "--out", "/proc/scan.npz"},
	} {
		out, err := p.command(0, args...).CombinedOutput()
		if text := string(out); err == nil || !strings.Contains(text, "cannot be written to") ||
			strings.Count(text, "\n") != 1 {
			t.Errorf("ptyx %s: %v\n%s", strings.Join(args, " "), err, text)
		}
	}
}
