package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ptyx/internal/recon/reconstruct"
)

// serverSurvivesKills kills a server at any moment while clients send frames, also while it restarts. The clients
// repeat what was not answered. No frame is lost, and the last object is the file that infer writes with the solver.
func serverSurvivesKills(t *testing.T, _, model string, _ time.Duration) {
	p := newProcess(t)
	scan := filepath.Join(t.TempDir(), "scan.npz")
	p.run("simulate", "--out", scan, "--positions", "60", "--step", "8", "--nphotons", "1e5", "--seed", "3")
	out := filepath.Join(t.TempDir(), "out")
	p.run("infer", "--model-path", model, "--test-data", scan, "--output-dir", out, "--refine", "2", "--device", "cpu")
	object, err := os.ReadFile(filepath.Join(out, reconstruct.ObjectFile))
	if err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(t.TempDir(), "store")
	start := func() serving { return serveProcess(t, "--model", "star="+model, "--store", store) }
	s := start()
	status, body := s.ask("POST", "/v1/scans", "application/json", []byte(`{"refine":2}`))
	var created struct{ ID string }
	if err := json.Unmarshal(body, &created); status != 201 || err != nil {
		t.Fatalf("%d %s", status, body)
	}
	path := "/v1/scans/" + created.ID

	bodies := frames(t, scan, 1)
	c := senders{path: path}
	c.url.Store(s.url)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var all sync.WaitGroup
	for share := range slices.Chunk(bodies, (len(bodies)+2)/3) {
		all.Go(func() { c.send(ctx, share) })
	}
	r := rand.New(rand.NewPCG(1, 9))
	kills := moments(t)
	for i := range kills {
		for target := int64((i + 1) * len(bodies) / (kills + 1)); c.answered.Load() < target && ctx.Err() == nil; {
			time.Sleep(time.Millisecond)
		}
		for again := true; again; again = r.IntN(3) == 0 { // perhaps while it comes back
			time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
			s.killed()
			s = start()
			c.url.Store(s.url)
		}
	}
	all.Wait()
	if c.answered.Load() != int64(len(bodies)) {
		t.Fatalf("%d posts of %d were answered; the last was not because of %v; %s",
			c.answered.Load(), len(bodies), c.problem.Load(), s.stderr)
	}
	s.until(path, fmt.Sprintf(`"state":"open","frames":%d,`, len(bodies)))
	if status, body := s.ask("POST", path+"/finish", "", nil); status != 202 {
		t.Fatalf("%d %s", status, body)
	}
	for range 2 { // while the solver works, and after it
		s.killed()
		s = start()
		s.until(path, `"state":"finished"`)
		s.holds(path, object)
	}
	second := serveFails(t, "--model", "star="+model, "--store", store)
	if !strings.Contains(second, "another server uses") || strings.Count(second, "\n") != 1 {
		t.Errorf("a second server: %s", second)
	}
	if status, body := s.ask("DELETE", path, "", nil); status != 204 {
		t.Errorf("%d %s", status, body)
	}
	if left, err := os.ReadDir(store); err != nil || len(left) != 1 || left[0].Name() != "lock" {
		t.Errorf("left in the store: %v, %v", left, err)
	}
}

// senders send frames to a server that comes and goes.
type senders struct {
	path     string
	url      atomic.Value // string
	answered atomic.Int64 // posts
	problem  atomic.Value // string: why the last one was not
}

// send posts bodies, each until it is answered.
func (c *senders) send(ctx context.Context, bodies [][]byte) {
	for _, body := range bodies {
		for problem := c.post(ctx, body); problem != ""; problem = c.post(ctx, body) {
			c.problem.Store(problem)
			if ctx.Err() != nil {
				return
			}
			time.Sleep(3 * time.Millisecond)
		}
		c.answered.Add(1)
	}
}

// post returns why a post was not answered with 200.
func (c *senders) post(ctx context.Context, body []byte) (problem string) {
	url := c.url.Load().(string) + c.path + "/frames"
	request, err := http.NewRequestWithContext(ctx, "POST", url, bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		return fmt.Sprintf("%d %s %v", answer.StatusCode, text, err)
	}
	return ""
}

// killed ends the server as nothing else does.
func (s serving) killed() {
	_ = s.command.Process.Kill()
	_ = s.command.Wait()
}

// until waits for words in a scan's status.
func (s serving) until(path, words string) {
	s.t.Helper()
	var body []byte
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, body = s.ask("GET", path, "", nil); bytes.Contains(body, []byte(words)) {
			return
		}
	}
	s.t.Fatalf("no %s within half a minute: %s", words, body)
}

// holds compares a scan's object.
func (s serving) holds(path string, want []byte) {
	s.t.Helper()
	if status, got := s.ask("GET", path+"/object.npz", "", nil); status != 200 || !sameButSigma(got, want) {
		s.t.Errorf("object.npz (%d) is not what infer has written", status)
	}
}

// serveFails is what a server says that does not start.
func serveFails(t *testing.T, args ...string) string {
	t.Helper()
	args = append([]string{"serve", "--listen", "127.0.0.1:0", "--device", "cpu"}, args...)
	out, err := newProcess(t).command(0, args...).CombinedOutput()
	if err == nil {
		t.Errorf("a server has started and ended: %s", out)
	}
	return string(out)
}
