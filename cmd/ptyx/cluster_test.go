package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ptyx/internal/reconstruct"
)

// running starts a command that goes on, and returns the first word that it says: where it is.
func running(t *testing.T, binary string, args ...string) (command *exec.Cmd, where string) {
	t.Helper()
	command = exec.Command(binary, args...)
	said := &bytes.Buffer{}
	command.Stderr = said
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("ptyx %v: %v: %s", args, err, said)
	}
	where, _, _ = strings.Cut(line, ": ")
	return command, where
}

// ended sends a signal and waits for the exit status.
func ended(t *testing.T, command *exec.Cmd, signal syscall.Signal) int {
	t.Helper()
	if err := command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	return command.ProcessState.ExitCode()
}

// TestClusterProcesses: broker, workers and infer as a user's processes. Infer is killed in the middle and given again, and the object is the file that
// infer writes alone. Both signals end the others with status 0.
func TestClusterProcesses(t *testing.T) {
	binary := build(t)
	dir := t.TempDir()
	scan, run, alone, together := filepath.Join(dir, "scan.npz"), filepath.Join(dir, "run"), filepath.Join(dir, "alone"), filepath.Join(dir, "together")
	p := process{t, binary, t.TempDir()}
	p.run("simulate", "--out", scan, "--positions", "60", "--step", "7", "--seed", "11")
	p.run("train", "--train-data-file", scan, "--output-dir", run, "--max-epochs", "1", "--n-images", "4", "--batch-size", "4", "--gridsize", "1", "--n-filters-scale", "1", "--device", "cpu")
	p.run("infer", "--model-path", run, "--test-data", scan, "--output-dir", alone, "--batch-size", "16", "--device", "cpu", "--threads", "1")

	broker, url := running(t, binary, "broker", "--store", filepath.Join(dir, "store"), "--listen", "127.0.0.1:0")
	if !strings.HasPrefix(url, "nats://127.0.0.1:") {
		t.Fatalf("the broker is at %s", url)
	}
	infer := func(more ...string) *exec.Cmd {
		args := []string{"infer", "--nats", url, "--model-path", run, "--test-data", scan, "--output-dir", together, "--batch-size", "3", "--in-flight", "4"}
		return exec.Command(binary, append(args, more...)...)
	}
	worker, _ := running(t, binary, "worker", "--nats", url, "--threads", "1", "--device", "cpu")
	killed := infer()
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond) // in the middle of something, whatever it is
	_ = killed.Process.Kill()
	_ = killed.Wait()
	other, _ := running(t, binary, "worker", "--nats", url, "--model", run, "--threads", "1", "--device", "cpu")
	if out, err := infer().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(alone, reconstruct.ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(together, reconstruct.ObjectFile)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the object is not that of one machine (%v)", err)
	}
	for i, w := range []*exec.Cmd{worker, other} {
		if status := ended(t, w, []syscall.Signal{syscall.SIGTERM, syscall.SIGINT}[i]); status != 0 {
			t.Errorf("worker %d ends with status %d", i, status)
		}
	}
	if status := ended(t, broker, syscall.SIGINT); status != 0 {
		t.Errorf("the broker ends with status %d", status)
	}
	if out, err := infer().CombinedOutput(); err == nil || !bytes.Contains(out, []byte("nobody there")) || bytes.Count(out, []byte("ptyx: ")) != 1 {
		t.Errorf("without a broker: %v, %s", err, out)
	}
}
