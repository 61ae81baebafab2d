package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
)

// serving is ptyx serve as a process of its own.
type serving struct {
	t       *testing.T
	command *exec.Cmd
	url     string
	stderr  *bytes.Buffer
}

// serveProcess starts a server and waits until it says where it is.
func serveProcess(t *testing.T, args ...string) serving {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--device", "cpu"}, args...)
	s := serving{t: t, command: exec.Command(binary(t), args...), stderr: &bytes.Buffer{}}
	s.command.Stderr = s.stderr
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
		t.Fatalf("%v: %s", err, s.stderr)
	}
	s.url, _, _ = strings.Cut(line, ": ")
	return s
}

// ask is a request with its answer.
func (s serving) ask(method, path, kind string, body []byte) (status int, answer []byte) {
	s.t.Helper()
	status, answer, err := s.try(method, path, kind, body)
	if err != nil {
		s.t.Fatal(err)
	}
	return status, answer
}

// try is ask for any goroutine.
func (s serving) try(method, path, kind string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequest(method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", kind)
	r, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer r.Body.Close()
	answer, err = io.ReadAll(r.Body)
	return r.StatusCode, answer, err
}

// newScan begins a scan and returns its address.
func (s serving) newScan(refine int) (path string) {
	s.t.Helper()
	request := fmt.Appendf(nil, `{"model":"star","refine":%d}`, refine)
	status, body := s.ask("POST", "/v1/scans", "application/json", request)
	var created struct{ ID string }
	if err := json.Unmarshal(body, &created); status != 201 || err != nil {
		s.t.Fatalf("%d %s", status, body)
	}
	return "/v1/scans/" + created.ID
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

// frames are those of a scan file, as bodies of count frames each, in an order far from the file's.
func frames(t *testing.T, scan string, count int) (bodies [][]byte) {
	t.Helper()
	file, err := dataset.Open(scan, dataset.Options{NoProbe: true, NoObject: true})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	patterns, err := file.Load()
	if err != nil {
		t.Fatal(err)
	}
	image := file.N * file.N
	for order := range slices.Chunk(rand.New(rand.NewPCG(1, 2)).Perm(file.M), count) {
		part := ndarray.New[float32](len(order), file.N, file.N)
		var ids []int64
		var x, y []float64
		for i, id := range order {
			copy(part.Data[i*image:], patterns.Data[id*image:(id+1)*image])
			ids, x, y = append(ids, int64(id)), append(x, file.X[id]), append(y, file.Y[id])
		}
		var b bytes.Buffer
		members := []npz.Member{
			{Key: "diff3d", Value: part}, {Key: "xcoords", Value: x}, {Key: "ycoords", Value: y},
			{Key: "ids", Value: ids},
		}
		if err := npz.WriteTo(&b, members); err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, b.Bytes())
	}
	return bodies
}

// checkScan sends a scan to the server, each part twice, and compares what comes back with the files that infer has
// written.
func (s serving) checkScan(scan, inferred string, refine int) {
	s.t.Helper()
	path := s.newScan(refine)
	for _, part := range frames(s.t, scan, 5) {
		for range 2 {
			if status, body := s.ask("POST", path+"/frames", "application/octet-stream", part); status != 200 {
				s.t.Fatalf("%d %s", status, body)
			}
		}
	}
	status, body := s.ask("POST", path+"/finish", "", nil)
	if status != 200 && status != 202 {
		s.t.Fatalf("%d %s", status, body)
	}
	for {
		_, body = s.ask("GET", path, "", nil)
		if !bytes.Contains(body, []byte(`"state":"refining"`)) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !bytes.Contains(body, []byte(`"state":"finished"`)) {
		s.t.Errorf("status %s", body)
	}
	for name, file := range map[string]string{
		"object.npz":    reconstruct.ObjectFile,
		"amplitude.png": reconstruct.AmplitudeFile, "phase.png": reconstruct.PhaseFile,
		"coverage.png": reconstruct.CoverageFile, "spread.png": reconstruct.SpreadFile,
	} {
		want, err := os.ReadFile(filepath.Join(inferred, file))
		if err != nil {
			s.t.Fatal(err)
		}
		if status, got := s.ask("GET", path+"/"+name, "", nil); status != 200 || !sameButSigma(got, want) {
			s.t.Errorf("refine %d: %s (%d) is not the %s that infer has written", refine, name, status, file)
		}
	}
}

// TestServeProcess: a scan that is sent frame by frame gives the bytes of infer but sigma, and both signals end the
// server with status 0.
func TestServeProcess(t *testing.T) {
	t.Parallel()
	dir, shared := t.TempDir(), trainedStar(t)
	scan, run, p := shared.small, shared.run, newProcess(t)
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		s := serveProcess(t, "--model", run, "--model", "other="+run)
		if status, body := s.ask("GET", "/v2/models/other/ready", "", nil); status != 200 {
			t.Errorf("ready: %d %s", status, body)
		}
		values := strings.TrimSuffix(strings.Repeat("1,", 64*64), ",")
		const input = `{"name":"amplitude_measured","datatype":"FP32","shape":[1,1,64,64],"data":[%s]}`
		body := fmt.Sprintf(`{"inputs":[`+input+`]}`, values)
		status, answer := s.ask("POST", "/v2/models/star/infer", "application/json", []byte(body))
		if status != 200 || !strings.Contains(string(answer), `"shape":[1,1,64,64]`) {
			t.Errorf("infer: %d %.200s", status, answer)
		}
		if signal == syscall.SIGTERM {
			for _, refine := range []int{0, 3} {
				out := filepath.Join(dir, fmt.Sprint("out-", refine))
				p.run(
					"infer", "--model-path", run, "--test-data", scan, "--output-dir", out, "--refine",
					fmt.Sprint(refine), "--device", "cpu",
				)
				s.checkScan(scan, out, refine)
			}
		}
		if status := s.end(signal); status != 0 {
			t.Errorf("%v: exit status %d: %s", signal, status, s.stderr)
		}
	}
}

// TestServeProfilesEveryModel holds that the models of a process do not overwrite each other's profile.
func TestServeProfilesEveryModel(t *testing.T) {
	t.Parallel()
	dir, model := t.TempDir(), trainedStar(t).run
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	var stderr bytes.Buffer
	status := run(ctx, []string{
		"serve", "--model=first=" + model, "--model=second=" + model, "--listen=127.0.0.1:0", "--device=cpu", "--quiet",
		"--profile=" + filepath.Join(dir, "p.json"),
	}, io.Discard, &stderr)
	if status != exitOK {
		t.Fatalf("exit status %d, stderr %s", status, stderr.String())
	}
	for _, name := range []string{"p.json", "p-2.json"} {
		var events []map[string]any
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = json.Unmarshal(text, &events)
		}
		if err != nil || len(events) == 0 {
			t.Errorf("%s: %d events, %v", name, len(events), err)
		}
	}
}
