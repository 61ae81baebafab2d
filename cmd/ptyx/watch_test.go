package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
	output  *bytes.Buffer
}

func follow(t *testing.T, args ...string) following {
	t.Helper()
	args = append([]string{"watch", "--device", "cpu", "--interval", "50ms", "--every", "50ms"}, args...)
	f := following{t: t, command: exec.Command(binary(t), args...), output: &bytes.Buffer{}}
	f.command.Stdout, f.command.Stderr = f.output, f.output
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
	count := 0
	for _, e := range entries {
		if e.Name() == reconstruct.SigmaFile {
			continue // it needs the complete object
		}
		if count++; e.Name() == workflow.SettingsFile {
			continue
		}
		want, err := os.ReadFile(filepath.Join(inferred, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(watched, e.Name())); err != nil || !sameButSigma(got, want) {
			t.Errorf("%s: %s is not what infer has written (%v)", what, e.Name(), err)
		}
	}
	if left, err := os.ReadDir(watched); err != nil || len(left) != count {
		t.Errorf("%s: %d files, %v; want %d", what, len(left), err, count)
	}
}

// sameButSigma reports whether two files hold the same bytes. Of two reconstructions, the second may have sigma beside
// the arrays of the first.
func sameButSigma(got, want []byte) bool {
	if !bytes.HasPrefix(want, []byte("PK")) {
		return bytes.Equal(got, want)
	}
	first, errFirst := zipMembers(got)
	second, errSecond := zipMembers(want)
	delete(second, reconstruct.KeySigma+".npy")
	return errFirst == nil && errSecond == nil && maps.Equal(first, second)
}

// zipMembers are the contents of a zip file by name.
func zipMembers(data []byte) (map[string]string, error) {
	file, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	members := map[string]string{}
	for _, f := range file.File {
		content, err := fs.ReadFile(file, f.Name)
		if err != nil {
			return nil, err
		}
		members[f.Name] = string(content)
	}
	return members, nil
}

// TestWatchProcess kills the watching process, and starts another where files are already. Both signals end it, and its
// files are those of infer, byte for byte, but for sigma.
func TestWatchProcess(t *testing.T) {
	t.Parallel()
	dir, shared := t.TempDir(), trainedStar(t)
	run, inferred, parts := shared.run, filepath.Join(dir, "inferred"), frames(t, shared.small, 2)
	newProcess(t).run(
		"infer", "--model-path", run, "--test-data", shared.small, "--output-dir", inferred, "--device", "cpu")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		in := filepath.Join(dir, fmt.Sprint("in-", int(signal)))
		out := filepath.Join(dir, fmt.Sprint("out-", int(signal)))
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
		f := follow(t, in, "--model-path", run, "--output-dir", out, "--idle", "0")
		sawFrames(t, out, 4)
		put(2, 4)
		f.end(syscall.SIGKILL)
		for _, name := range []string{reconstruct.ObjectFile, workflow.SettingsFile} { // as if killed while writing
			if err := os.WriteFile(filepath.Join(out, "."+name+"123"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		f = follow(t, in, "--config", filepath.Join(out, workflow.SettingsFile)) // the settings of the first
		sawFrames(t, out, 8)
		put(4, len(parts))
		put(0, 1)
		if status := f.end(signal); status != 0 {
			t.Errorf("%v: exit status %d: %s", signal, status, f.output)
		}
		if !strings.Contains(f.output.String(), "12 frames") || !strings.Contains(f.output.String(), "(interrupted)") {
			t.Errorf("%v: says %s", signal, f.output)
		}
		sameFiles(t, signal.String(), out, inferred)
	}
}

// TestWatchRefine: whatever the order and the size of the files, the last object of a watch that refines has the bytes
// of ptyx infer --refine, and without a network those of ptyx solve.
func TestWatchRefine(t *testing.T) {
	t.Parallel()
	dir, shared := t.TempDir(), trainedStar(t)
	inferred, solved := filepath.Join(dir, "inferred"), filepath.Join(dir, "solved")
	p := newProcess(t)
	p.run("infer", "--model-path", shared.run, "--test-data", shared.small, "--output-dir", inferred, "--device", "cpu",
		"--refine", "3")
	p.run("solve", "--data", shared.small, "--output-dir", solved, "--device", "cpu", "--iterations", "3")
	network := []string{"--model-path", shared.run, "--refine", "3"}
	for name, c := range map[string]struct {
		args   []string
		count  int // frames of a file
		back   bool
		pause  time.Duration
		solver string // directory with the same object
	}{
		"at once":   {network, 12, false, 0, inferred},
		"backwards": {network, 1, true, 0, inferred},
		"slowly":    {network, 4, false, 300 * time.Millisecond, inferred},
		"solver":    {[]string{"--refine-only", "--refine", "3", "--probe", shared.small}, 3, true, 0, solved},
	} {
		in, out := filepath.Join(dir, name), filepath.Join(dir, name+" out")
		if err := os.Mkdir(in, 0o755); err != nil {
			t.Fatal(err)
		}
		f := follow(t, append([]string{in, "--output-dir", out, "--frames", "12"}, c.args...)...)
		parts := frames(t, shared.small, c.count)
		if c.back {
			slices.Reverse(parts)
		}
		for i, part := range parts {
			if err := os.WriteFile(filepath.Join(in, fmt.Sprintf("part-%d.npz", i)), part, 0o644); err != nil {
				t.Fatal(err)
			}
			time.Sleep(c.pause)
		}
		if err := f.command.Wait(); err != nil || !strings.Contains(f.output.String(), "3 passes of lsqml") {
			t.Fatalf("%s: %v: %s", name, err, f.output)
		}
		for _, file := range []string{reconstruct.ObjectFile, workflow.SolvedProbeFile} {
			want, errWant := os.ReadFile(filepath.Join(c.solver, file))
			got, err := os.ReadFile(filepath.Join(out, file))
			if errWant != nil || err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s: %s is another than that of the solver (%v, %v)", name, file, err, errWant)
			}
		}
	}
}

// TestWatchRefuses what would be followed in vain.
func TestWatchRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	for want, args := range map[string][]string{
		"nothing that can be watched": {filepath.Join(dir, "none"), "--output-dir", out},
		"the watched directory":       {dir, "--output-dir", dir},
		"expected 0 (one per core)":   {dir, "--output-dir", out, "--threads", "-1"},
		"no.onnx":                     {dir, "--output-dir", out},
		"--refine: found -1":          {dir, "--output-dir", out, "--refine", "-1"},
		"--refine-only: found no":     {dir, "--output-dir", out, "--refine-only"},
	} {
		var stdout, stderr bytes.Buffer
		args := append([]string{"watch", "--model-path", filepath.Join(dir, "no.onnx")}, args...)
		status := run(t.Context(), args, &stdout, &stderr)
		if status != exitFailure || !strings.Contains(stderr.String(), want) {
			t.Errorf("%v: exit status %d, says %s", args, status, stderr.String())
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("the output directory was made")
	}
}
