package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInterruptedSolversResume to the files of runs that never stopped: solve, and refine of a reconstruction that it
// overwrites.
func TestInterruptedSolversResume(t *testing.T) {
	t.Parallel()
	scan, dir := trainedStar(t).small, t.TempDir()
	solve := []string{"solve", "--data=" + scan, "--iterations=4", "--modes=2", "--positions"}
	made := func(name string, args ...string) string {
		t.Helper()
		out := filepath.Join(dir, name)
		var stderr bytes.Buffer
		args = append(args, "--output-dir="+out, "--device=cpu")
		if status := run(context.Background(), args, io.Discard, &stderr); status != exitOK {
			t.Fatalf("%v: %s", args, stderr.String())
		}
		return out
	}
	start := made("start", append(solve, "--iterations=2")...)
	for name, command := range map[string]func(out string) []string{
		"solve": func(string) []string { return solve },
		"epie":  func(string) []string { return append(solve, "--method=epie") },
		"refine": func(out string) []string {
			if _, err := os.Stat(out); err != nil {
				if err := os.CopyFS(out, os.DirFS(start)); err != nil {
					t.Fatal(err)
				}
			}
			return []string{"refine", "--data=" + scan, "--recon=" + out, "--iterations=4"}
		},
	} {
		whole := made(name+"-whole", command(filepath.Join(dir, name+"-whole"))...)
		cut := filepath.Join(dir, name+"-cut")
		ctx, cancel := context.WithCancel(context.Background())
		stderr := canceller{cancel: cancel}
		args := append(command(cut), "--output-dir="+cut, "--device=cpu")
		if status := run(ctx, args, io.Discard, &stderr); status != exitInterrupted {
			t.Errorf("%s: exit status %d, says %q", name, status, stderr.String())
		}
		cancel()
		made(name+"-cut", append(command(cut), "--resume")...)
		for _, file := range []string{
			"reconstruction.npz", "probe.npz", "solver_state.npz", "reconstructed_amplitude.png",
		} {
			want, err := os.ReadFile(filepath.Join(whole, file))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(filepath.Join(cut, file)); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s is not that of a run that never stopped (%v)", name, file, err)
			}
		}
	}
	var stderr bytes.Buffer
	out := filepath.Join(dir, "none")
	args := append(solve, "--resume", "--device=cpu", "--output-dir="+out)
	const want = "found no such file, expected the state of a run; start one without --resume"
	if status := run(context.Background(), args, io.Discard, &stderr); status != exitFailure ||
		!strings.Contains(stderr.String(), want) {
		t.Errorf("without a state: exit status %d, says %q", status, stderr.String())
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused run makes its directory")
	}
}
