package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/testutil"
	"ptyx/internal/recon/reconstruct"
)

// running starts a broker or a worker, and returns the address that it prints.
func running(t *testing.T, args ...string) (command *exec.Cmd, address string) {
	t.Helper()
	command = exec.Command(binary(t), args...)
	stderr := &bytes.Buffer{}
	command.Stderr = stderr
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
		t.Fatalf("ptyx %v: %v: %s", args, err, stderr)
	}
	address, _, _ = strings.Cut(line, ": ")
	return command, address
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

// TestClusterProcesses runs broker, workers and infer as a user's processes. Infer is killed and started again, and the
// object is the file that infer writes without workers. Both signals end the others with status 0.
func TestClusterProcesses(t *testing.T) {
	t.Parallel()
	dir, shared := t.TempDir(), trainedStar(t)
	scan, run, local, gathered := shared.scan, shared.run, filepath.Join(dir, "local"), filepath.Join(dir, "gathered")
	p := newProcess(t)
	p.run("infer", "--model-path", run, "--test-data", scan, "--output-dir", local, "--batch-size", "16",
		"--device", "cpu", "--threads", "1")

	broker, url := running(t, "broker", "--store", filepath.Join(dir, "store"), "--listen", "127.0.0.1:0")
	if !strings.HasPrefix(url, "nats://127.0.0.1:") {
		t.Fatalf("the broker is at %s", url)
	}
	infer := func(more ...string) *exec.Cmd {
		args := []string{"infer", "--nats", url, "--model-path", run, "--test-data", scan, "--output-dir", gathered,
			"--batch-size", "3", "--in-flight", "4"}
		return exec.Command(p.binary, append(args, more...)...)
	}
	worker, _ := running(t, "worker", "--nats", url, "--threads", "1", "--device", "cpu")
	killed := infer()
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond) // in the middle of something, whatever it is
	_ = killed.Process.Kill()
	_ = killed.Wait()
	other, _ := running(t, "worker", "--nats", url, "--model", run, "--threads", "1", "--device", "cpu")
	if out, err := infer().CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, err := os.ReadFile(filepath.Join(local, reconstruct.ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(gathered, reconstruct.ObjectFile)); err != nil || !bytes.Equal(got, want) {
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
	out, err := infer().CombinedOutput()
	if err == nil || !bytes.Contains(out, []byte("nobody there")) || bytes.Count(out, []byte("ptyx: ")) != 1 {
		t.Errorf("without a broker: %v, %s", err, out)
	}
}

// TestServeWorkers sends frames to a server whose batches go to workers. A worker is killed within a batch, and the
// broker is killed and started again. No client sees an error, and the object is the file that infer writes.
func TestServeWorkers(t *testing.T) {
	testutil.Slow(t)
	t.Parallel()
	dir, shared := t.TempDir(), trainedStar(t)
	scan, run, local, store := shared.scan, shared.run, filepath.Join(dir, "local"), filepath.Join(dir, "store")
	infer := []string{"infer", "--model-path", run, "--test-data", scan, "--output-dir", local}
	newProcess(t).run(append(infer, "--device", "cpu", "--threads", "1")...)

	broker, url := running(t, "broker", "--store", store, "--listen", "127.0.0.1:0")
	worker := func() *exec.Cmd {
		w, _ := running(t, "worker", "--nats", url, "--threads", "1", "--device", "cpu")
		return w
	}
	s := serveProcess(t, "--workers", url, "--model", run, "--batch-size", "4", "--in-flight", "8")
	killed := worker()
	path := s.newScan(0)
	parts := frames(t, scan, 5)
	stitched := make(chan int, len(parts))
	posted := make(chan error, 1)
	go func() {
		var group errgroup.Group
		group.SetLimit(4)
		for i, part := range parts {
			group.Go(func() error {
				status, body, err := s.try("POST", path+"/frames", "application/octet-stream", part)
				if err == nil && status != 200 {
					err = fmt.Errorf("%d %s", status, body)
				}
				stitched <- i
				return err
			})
		}
		posted <- group.Wait()
	}()
	<-stitched
	_ = killed.Process.Kill()
	other := worker()
	<-stitched
	_ = broker.Process.Kill()
	_ = broker.Wait()
	for start, status := time.Now(), 0; status != 503; status, _ = s.ask("GET", "/v2/health/ready", "", nil) {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("without a broker the server is ready (%d)", status)
		}
	}
	broker, _ = running(t, "broker", "--store", store, "--listen", strings.TrimPrefix(url, "nats://"))
	if err := <-posted; err != nil {
		t.Fatalf("%v: %s", err, s.stderr)
	}
	want, err := os.ReadFile(filepath.Join(local, reconstruct.ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	if status, body := s.ask("POST", path+"/finish", "", nil); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if status, got := s.ask("GET", path+"/object.npz", "", nil); status != 200 || !sameButSigma(got, want) {
		t.Errorf("the object (%d) is not that of infer", status)
	}
	if status := s.end(syscall.SIGTERM); status != 0 {
		t.Errorf("the server ends with status %d: %s", status, s.stderr)
	}
	for _, c := range []*exec.Cmd{other, broker} {
		if status := ended(t, c, syscall.SIGTERM); status != 0 {
			t.Errorf("%v ends with status %d", c.Args[1], status)
		}
	}
}
