package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ptyx/internal/base/testutil"
)

// soaking is how long TestSoak has clients at work: two seconds, or PTYX_SOAK.
func soaking(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("PTYX_SOAK")
	if text == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second {
		t.Fatalf("PTYX_SOAK: %q, expected a time of a second or more", text)
	}
	return d
}

// soak is a server with what its clients send and expect.
type soak struct {
	serving
	client       *http.Client
	body, answer []byte   // of a request in the binary extension
	header       string   // length of the JSON before the binary part
	parts        [][]byte // a scan, part by part
	object       []byte   // which it becomes
	done         [kinds]atomic.Int64
}

// A kind of client does one thing again and again. What it returns is a fault of the server.
const (
	good = iota
	scans
	bad
	cancelled
	slow
	watching
	kinds
)

// crowd is how many clients of each kind there are, and what one does.
var crowd = [kinds]struct {
	name  string
	count int
	do    func(*soak, context.Context, *rand.Rand) error
}{
	good:      {"good", 4, (*soak).askWell},
	scans:     {"scans", 2, (*soak).sendScan},
	bad:       {"bad", 2, (*soak).askBadly},
	cancelled: {"cancelled", 2, (*soak).goAway},
	slow:      {"slow", 3, (*soak).dawdle},
	watching:  {"watching", 2, (*soak).watch},
}

// work has all clients at work for a time and returns when they have gone.
func (s *soak) work(d time.Duration, seed uint64) error {
	ctx, cancel := ending(context.Background(), d)
	defer cancel()
	var all sync.WaitGroup
	faults := make(chan error, 1)
	for kind, c := range crowd {
		for i := range c.count {
			r := rand.New(rand.NewPCG(seed, uint64(100*kind+i)))
			all.Go(func() {
				for ctx.Err() == nil {
					if err := c.do(s, ctx, r); err != nil && ctx.Err() == nil {
						select {
						case faults <- fmt.Errorf("a %s client: %w", c.name, err):
						default:
						}
						cancel()
						return
					}
					s.done[kind].Add(1)
				}
			})
		}
	}
	all.Wait()
	s.client.CloseIdleConnections()
	select {
	case err := <-faults:
		return err
	default:
		return nil
	}
}

// ending is a context that is done after a time. It has no deadline: connecting would notice a deadline a moment before
// the context is done, and fail as if the server were at fault.
func ending(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := time.AfterFunc(d, cancel)
	return ctx, func() { stop.Stop(); cancel() }
}

// send is a request that is bound to ctx.
func (s *soak) send(
	ctx context.Context, method, path string, body []byte, headers ...string,
) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := s.client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer reply.Body.Close()
	answer, err = io.ReadAll(reply.Body)
	return reply.StatusCode, answer, err
}

const inferPath = "/v2/models/star/infer"

// askWell wants the same bytes each time. The queue may be full.
func (s *soak) askWell(ctx context.Context, r *rand.Rand) error {
	status, answer, err := s.send(ctx, "POST", inferPath, s.body, "Inference-Header-Content-Length", s.header)
	switch {
	case err != nil:
		return err
	case status == http.StatusTooManyRequests:
		return sleep(ctx, time.Duration(r.IntN(100))*time.Millisecond)
	case status != http.StatusOK || (s.answer != nil && !bytes.Equal(answer, s.answer)):
		const text = "status %d and %d bytes, expected the %d bytes of the first time"
		return fmt.Errorf(text, status, len(answer), len(s.answer))
	}
	return nil
}

// sendScan sends a scan in an order of its own, compares the object with that of the first time, and deletes it.
func (s *soak) sendScan(ctx context.Context, r *rand.Rand) error {
	// Not cancelled: without the answer, nobody would know which scan to delete.
	status, body, err := s.send(context.WithoutCancel(ctx), "POST", "/v1/scans", []byte("{}"))
	var created struct{ ID string }
	if err := errors.Join(err, json.Unmarshal(body, &created)); status != http.StatusCreated || err != nil {
		return fmt.Errorf("status %d for a new scan: %.200s: %w", status, body, err)
	}
	path := "/v1/scans/" + created.ID
	defer func() { // also if ctx is done
		_, _, _ = s.send(context.WithoutCancel(ctx), "DELETE", path, nil)
	}()
	for _, i := range r.Perm(len(s.parts)) {
		for {
			status, body, err = s.send(
				ctx, "POST", path+"/frames", s.parts[i], "Content-Type", "application/octet-stream",
			)
			if status != http.StatusTooManyRequests {
				break
			}
			if err := sleep(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		}
		if err != nil || status != http.StatusOK {
			return fmt.Errorf("status %d for frames: %.200s: %w", status, body, err)
		}
	}
	if status, body, err = s.send(ctx, "GET", path+"/phase.png", nil); err != nil || status != http.StatusOK {
		return fmt.Errorf("status %d for a picture: %.200s: %w", status, body, err)
	}
	status, body, err = s.send(ctx, "GET", path+"/object.npz", nil)
	if err != nil || status != http.StatusOK || !bytes.Equal(body, s.object) {
		const text = "status %d and an object of %d bytes, expected %d of infer: %w"
		return fmt.Errorf(text, status, len(body), len(s.object), err)
	}
	return nil
}

// askBadly asks for what is to be refused.
func (s *soak) askBadly(ctx context.Context, r *rand.Rand) error {
	damaged := bytes.Clone(s.body[:1+r.IntN(len(s.body))]) // cut short, and somewhere changed in the JSON
	damaged[r.IntN(min(len(damaged), 100))] ^= byte(1 + r.IntN(255))
	for _, ask := range []struct {
		method, path string
		body         []byte
	}{
		{"POST", inferPath, damaged},
		{"POST", inferPath, []byte(strings.Repeat("[", 10_000))},
		{"POST", "/v2/models/nobody/infer", s.body},
		{"POST", "/v1/scans", []byte(`{"positions": "furlongs"}`)},
		{"POST", "/v1/scans/../../etc/frames", damaged},
		{"PUT", inferPath, nil},
		{"GET", "/v1/scans/0123456789abcdef0123456789abcdef/object.npz", nil},
	} {
		status, body, err := s.send(ctx, ask.method, ask.path, ask.body)
		if err != nil || status < 400 || status > 499 {
			return fmt.Errorf("status %d for %s %s: %.200s: %w", status, ask.method, ask.path, body, err)
		}
	}
	return sleep(ctx, time.Duration(r.IntN(50))*time.Millisecond)
}

// goAway asks and does not wait for the answer, or says that it has no time for it.
func (s *soak) goAway(ctx context.Context, r *rand.Rand) error {
	short, cancel := ending(ctx, time.Duration(r.IntN(20_000))*time.Microsecond)
	defer cancel()
	status, body, err := s.send(short, "POST", inferPath, s.body, "Inference-Header-Content-Length", s.header)
	switch {
	case short.Err() != nil: // gone before, or with, the answer
	case err != nil:
		return err
	case status != http.StatusOK && status != http.StatusTooManyRequests:
		return fmt.Errorf("status %d: %.200s", status, body)
	}
	return sleep(ctx, time.Duration(r.IntN(50))*time.Millisecond)
}

// dawdle sends a request in small pieces and, as often as not, leaves before its end.
func (s *soak) dawdle(ctx context.Context, r *rand.Rand) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		return err
	}
	defer conn.Close()
	const head = "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" +
		"Inference-Header-Content-Length: %s\r\nContent-Length: %d\r\n\r\n%s"
	whole := fmt.Appendf(nil, head, inferPath, s.header, len(s.body), s.body)
	stay := r.IntN(2) == 0
	if !stay {
		whole = whole[:1+r.IntN(len(whole)-1)]
	}
	for len(whole) > 0 {
		n := min(len(whole), 1+r.IntN(4000))
		if _, err := conn.Write(whole[:n]); err != nil {
			return err
		}
		whole = whole[n:]
		if err := sleep(ctx, time.Duration(r.IntN(100))*time.Millisecond); err != nil {
			return err
		}
	}
	if !stay {
		return nil
	}
	reply, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	defer reply.Body.Close()
	if reply.StatusCode != http.StatusOK && reply.StatusCode != http.StatusTooManyRequests {
		return fmt.Errorf("status %d", reply.StatusCode)
	}
	return nil
}

// watch follows the events of all scans for a while.
func (s *soak) watch(ctx context.Context, r *rand.Rand) error {
	short, cancel := ending(ctx, time.Duration(100+r.IntN(2000))*time.Millisecond)
	defer cancel()
	if status, body, err := s.send(short, "GET", "/v1/events", nil); short.Err() == nil {
		return fmt.Errorf("events end with status %d: %.200s: %w", status, body, err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// load is what a server holds.
type load struct {
	goroutines, descriptors, scans int
	memory                         float64 // MiB
}

func (l load) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %.0f MiB", l.goroutines, l.descriptors, l.memory)
}

// holds reads the server's own metrics.
func (s *soak) holds() (l load) {
	_, body := s.ask("GET", "/metrics", "", nil)
	values := map[string]float64{}
	for line := range strings.Lines(string(body)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			values[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	for _, name := range []string{"go_goroutines", "process_open_fds", "process_resident_memory_bytes"} {
		if !(values[name] > 0) {
			s.t.Fatalf("the metrics have no %s", name)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	return load{
		int(values["go_goroutines"]), int(values["process_open_fds"]), int(values["ptyx_scans"]),
		values["process_resident_memory_bytes"] / (1 << 20),
	}
}

// rests waits until a server has let go of its clients: until it holds no more than is allowed, or nothing has changed
// for two seconds.
func (s *soak) rests(allowed load) (l load) {
	for same := 0; same < 20; same++ {
		time.Sleep(100 * time.Millisecond)
		before := l
		if l = s.holds(); l.goroutines <= allowed.goroutines && l.descriptors <= allowed.descriptors && l.scans == 0 {
			break
		}
		if l.goroutines != before.goroutines || l.descriptors != before.descriptors || l.scans != before.scans {
			same = 0
		}
	}
	return l
}

// TestSoak has a server answer good, bad, slow, cancelled and curious clients, and compares what it holds afterwards
// with what it held when they had been there for a fifth of the time. Goroutines and descriptors must be the same;
// memory may have grown by 48 MiB, which Go and the C library keep for the largest moment, be it early or late.
func TestSoak(t *testing.T) {
	testutil.Slow(t)
	long := soaking(t)
	s := newSoak(t)
	if err := s.work(long/5, 1); err != nil {
		t.Fatalf("%v\n%s", err, s.stderr)
	}
	before := s.rests(load{})
	t.Logf("after %v: %v", long/5, before)
	for round, rounds := 1, max(1, int(long/time.Minute)); round <= rounds; round++ {
		if err := s.work((long-long/5)/time.Duration(rounds), uint64(1+round)); err != nil {
			t.Fatalf("%v\n%s", err, s.stderr)
		}
		after := s.rests(before)
		t.Logf("round %d: %v; %s", round, after, s.account())
		const memory = 48
		if after.goroutines > before.goroutines || after.descriptors > before.descriptors || after.scans != 0 ||
			!(after.memory <= before.memory+memory) {
			t.Fatalf("the server held %v, and now %v and %d scans\n%s", before, after, after.scans, s.stderr)
		}
	}
	for kind, c := range crowd {
		if s.done[kind].Load() == 0 {
			t.Errorf("no %s client has come to an end", c.name)
		}
	}
	if status := s.end(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d: %s", status, s.stderr)
	}
}

// newSoak starts a server of a small network, and asks it once for what all answers are compared with.
func newSoak(t *testing.T) *soak {
	t.Helper()
	shared, out := trainedStar(t), filepath.Join(t.TempDir(), "out")
	scan, run := shared.small, shared.run
	newProcess(t).run("infer", "--model-path", run, "--test-data", scan, "--output-dir", out, "--device", "cpu")
	object, err := os.ReadFile(filepath.Join(out, "reconstruction.npz"))
	if err != nil {
		t.Fatal(err)
	}
	const input = `{"name":"amplitude_measured","datatype":"FP32","shape":[1,1,64,64],` +
		`"parameters":{"binary_data_size":16384}}`
	const head = `{"inputs":[` + input + `],"parameters":{"binary_data_output":true}}`
	s := &soak{
		serving: serveProcess(t, "--model", run, "--queue", "32"),
		client:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
		body:    append([]byte(head), bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, 64*64)...), // ones
		header:  strconv.Itoa(len(head)),
		parts:   frames(t, scan, 5), object: object,
	}
	status, answer, err := s.send(t.Context(), "POST", inferPath, s.body, "Inference-Header-Content-Length", s.header)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d %.200s %v", status, answer, err)
	}
	s.answer = answer
	return s
}

// account tells how often each kind of client has done its thing.
func (s *soak) account() string {
	var parts []string
	for kind, c := range crowd {
		parts = append(parts, fmt.Sprintf("%d %s", s.done[kind].Load(), c.name))
	}
	return strings.Join(parts, ", ")
}
