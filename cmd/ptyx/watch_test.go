package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ptyx/internal/app/workflow"
	"ptyx/internal/format/npz"
	"ptyx/internal/recon/reconstruct"
)

// following is ptyx watch as a process of its own.
type following struct {
	t       *testing.T
	command *exec.Cmd
	said    *bytes.Buffer
}

func follow(t *testing.T, binary string, args ...string) following {
	t.Helper()
	f := following{t: t, command: exec.Command(binary, append([]string{"watch", "--device", "cpu", "--interval", "50ms", "--every", "50ms"}, args...)...), said: &bytes.Buffer{}}
	f.command.Stdout, f.command.Stderr = f.said, f.said
	if err := f.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.command.Process.Kill() }) // it has ended, unless the test failed
	return f
}

// end sends a signal and returns the exit status, -1 where the signal itself has ended it.
func (f following) end(signal os.Signal) int {
	f.t.Helper()
	if err := f.command.Process.Signal(signal); err != nil {
		f.t.Fatal(err)
	}
	_ = f.command.Wait()
	return f.command.ProcessState.ExitCode()
}

// sawFrames waits until the object in dir is made of count frames. At any time the file there is whole.
func sawFrames(t *testing.T, dir string, count int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		path := filepath.Join(dir, reconstruct.ObjectFile)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		file, err := npz.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		ids, err := file.Int64s("scan_index")
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(ids) == count {
			return
		}
	}
	t.Fatalf("%d frames do not come", count)
}

// sameFiles compares what watch and infer have written. Both tell their own settings.
func sameFiles(t *testing.T, what, watched, inferred string) {
	t.Helper()
	entries, err := os.ReadDir(inferred)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() == workflow.SettingsFile {
			continue
		}
		want, err := os.ReadFile(filepath.Join(inferred, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(watched, e.Name())); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %s is not what infer has written (%v)", what, e.Name(), err)
		}
	}
	if left, err := os.ReadDir(watched); err != nil || len(left) != len(entries) {
		t.Errorf("%s: %d files, %v; want %d", what, len(left), err, len(entries))
	}
}

// watchable makes a scan, a model, what infer makes of both, and the scan's parts in a random order.
func watchable(t *testing.T, binary, dir string) (run, inferred string, parts [][]byte) {
	t.Helper()
	scan := filepath.Join(dir, "scan.npz")
	run, inferred = filepath.Join(dir, "run"), filepath.Join(dir, "inferred")
	p := process{t, binary, t.TempDir()}
	p.run("simulate", "--out", scan, "--positions", "12", "--step", "7", "--seed", "11")
	p.run("train", "--train-data-file", scan, "--output-dir", run, "--max-epochs", "1", "--n-images", "4", "--batch-size", "4", "--gridsize", "1", "--n-filters-scale", "1", "--device", "cpu")
	p.run("infer", "--model-path", run, "--test-data", scan, "--output-dir", inferred, "--device", "cpu")
	return run, inferred, frames(t, scan, 2)
}

// TestWatchProcess: a directory is followed by a process that is killed in the middle, and by another one that begins where files are, until
// both signals end it; the files are those of infer, byte for byte.
func TestWatchProcess(t *testing.T) {
	binary, dir := build(t), t.TempDir()
	run, inferred, parts := watchable(t, binary, dir)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		in, out := filepath.Join(dir, fmt.Sprint("in-", int(signal))), filepath.Join(dir, fmt.Sprint("out-", int(signal)))
		if err := os.Mkdir(in, 0o755); err != nil {
			t.Fatal(err)
		}
		put := func(from, to int) {
			for i, part := range parts[from:to] {
				if err := os.WriteFile(filepath.Join(in, fmt.Sprintf("part-%d.npz", from+i)), part, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		put(0, 2)
		f := follow(t, binary, in, "--model-path", run, "--output-dir", out, "--idle", "0")
		sawFrames(t, out, 4)
		put(2, 4)
		f.end(syscall.SIGKILL)
		for _, name := range []string{reconstruct.ObjectFile, workflow.SettingsFile} { // as if it had been writing just then
			if err := os.WriteFile(filepath.Join(out, "."+name+"123"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		f = follow(t, binary, in, "--config", filepath.Join(out, workflow.SettingsFile)) // what the other one was told
		sawFrames(t, out, 8)
		put(4, len(parts))
		put(0, 1)
		if status := f.end(signal); status != 0 {
			t.Errorf("%v: exit status %d: %s", signal, status, f.said)
		}
		if !strings.Contains(f.said.String(), "12 frames") || !strings.Contains(f.said.String(), "(interrupted)") {
			t.Errorf("%v: says %s", signal, f.said)
		}
		sameFiles(t, signal.String(), out, inferred)
	}
}

// TestWatchRefuses what would be followed in vain.
func TestWatchRefuses(t *testing.T) {
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	for want, args := range map[string][]string{
		"nothing that can be looked at":  {filepath.Join(dir, "none"), "--output-dir", out},
		"the directory that is followed": {dir, "--output-dir", dir},
		"expected 0 (one per core)":      {dir, "--output-dir", out, "--threads", "-1"},
		"no.onnx":                        {dir, "--output-dir", out},
	} {
		var stdout, stderr bytes.Buffer
		status := run(t.Context(), append([]string{"watch", "--model-path", filepath.Join(dir, "no.onnx")}, args...), &stdout, &stderr)
		if status != exitFailure || !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: exit status %d, says %s", args, status, stderr.String())
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("the output directory was made")
	}
}
