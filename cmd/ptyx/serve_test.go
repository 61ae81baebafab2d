package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serving is ptyx serve as a process of its own.
type serving struct {
	t       *testing.T
	command *exec.Cmd
	url     string
	said    *bytes.Buffer // on standard error
}

// serveProcess starts a server and waits until it says where it is.
func serveProcess(t *testing.T, binary string, args ...string) serving {
	t.Helper()
	s := serving{t: t, command: exec.Command(binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--device", "cpu"}, args...)...), said: &bytes.Buffer{}}
	s.command.Stderr = s.said
	out, err := s.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.command.Process.Kill() }) // it has ended, unless the test failed
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, s.said)
	}
	s.url, _, _ = strings.Cut(line, ": ")
	return s
}

// ask is a request with its answer.
func (s serving) ask(method, path, kind string, body []byte) (status int, answer []byte) {
	s.t.Helper()
	request, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", kind)
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	if answer, err = io.ReadAll(r.Body); err != nil {
		s.t.Fatal(err)
	}
	return r.StatusCode, answer
}

// end sends a signal and returns the exit status.
func (s serving) end(signal syscall.Signal) int {
	s.t.Helper()
	if err := s.command.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = s.command.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		s.t.Fatal("it does not end")
	}
	return s.command.ProcessState.ExitCode()
}

// TestServeProcess: a trained model is served, and both signals end the process with status 0.
func TestServeProcess(t *testing.T) {
	binary := build(t)
	dir := t.TempDir()
	scan, run := filepath.Join(dir, "scan.npz"), filepath.Join(dir, "star")
	p := process{t, binary, t.TempDir()}
	p.run("simulate", "--out", scan, "--positions", "12", "--step", "7", "--seed", "11")
	p.run("train", "--train-data-file", scan, "--output-dir", run, "--max-epochs", "1", "--n-images", "4", "--batch-size", "4", "--gridsize", "1", "--n-filters-scale", "1", "--device", "cpu")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := serveProcess(t, binary, "--model", run, "--model", "other="+run)
		if status, body := s.ask("GET", "/v2/models/other/ready", "", nil); status != 200 {
			t.Errorf("ready: %d %s", status, body)
		}
		values := strings.TrimSuffix(strings.Repeat("1,", 64*64), ",")
		body := fmt.Sprintf(`{"inputs":[{"name":"amplitude_measured","datatype":"FP32","shape":[1,1,64,64],"data":[%s]}]}`, values)
		if status, answer := s.ask("POST", "/v2/models/star/infer", "application/json", []byte(body)); status != 200 || !strings.Contains(string(answer), `"shape":[1,1,64,64]`) {
			t.Errorf("infer: %d %.200s", status, answer)
		}
		if status := s.end(signal); status != 0 {
			t.Errorf("%v: exit status %d: %s", signal, status, s.said)
		}
	}
}
