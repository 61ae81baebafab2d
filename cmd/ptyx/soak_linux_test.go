package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
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

// soaking is how long TestSoak has clients at work at each server: two seconds, or PTYX_SOAK.
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
	posts        [][]byte // a scan, part by part
	object       []byte   // which it becomes
	done         [kinds]atomic.Int64
	slowest      atomic.Int64 // answer to a good client, in milliseconds
	parts        []part       // processes, the server first
	restart      func()       // restarts a worker; nil: there is none
	restarts     int
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
	start := time.Now()
	status, answer, err := s.send(ctx, "POST", inferPath, s.body, "Inference-Header-Content-Length", s.header)
	took := time.Since(start).Milliseconds()
	for slowest := s.slowest.Load(); took > slowest && !s.slowest.CompareAndSwap(slowest, took); {
		slowest = s.slowest.Load()
	}
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

// sendScan sends a scan in an order of its own, leaves during a download, compares the object with that of the first
// time, and deletes it.
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
	for _, i := range r.Perm(len(s.posts)) {
		for {
			status, body, err = s.send(
				ctx, "POST", path+"/frames", s.posts[i], "Content-Type", "application/octet-stream",
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
	leaving, cancel := ending(ctx, time.Duration(r.IntN(5000))*time.Microsecond)
	_, _, _ = s.send(leaving, "GET", path+"/object.npz", nil)
	cancel()
	if status, body, err = s.send(ctx, "GET", path+"/phase.png", nil); err != nil || status != http.StatusOK {
		return fmt.Errorf("status %d for a picture: %.200s: %w", status, body, err)
	}
	if status, body, err = s.send(ctx, "POST", path+"/finish", nil); err != nil || status != http.StatusOK {
		return fmt.Errorf("status %d for the end: %.200s: %w", status, body, err)
	}
	status, body, err = s.send(ctx, "GET", path+"/object.npz", nil)
	if err != nil || status != http.StatusOK || !sameButSigma(body, s.object) {
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

// part is a process of a soak.
type part struct {
	name string
	pid  int
	dir  string // that it writes to; empty: none
	late int    // files that it adds there, or keeps open, after minutes, whatever the clients do
}

// load is what a part holds.
type load struct {
	goroutines, scans  int // of the server alone
	claimed            int // bytes that the server counts for scans
	descriptors, files int
	memory, disk       float64 // MiB
}

func (l load) String() string {
	text := fmt.Sprintf("%d descriptors, %.0f MiB", l.descriptors, l.memory)
	if l.goroutines > 0 {
		text = fmt.Sprintf("%d goroutines, %s", l.goroutines, text)
	}
	if l.files > 0 {
		text += fmt.Sprintf(", %d files of %.1f MiB", l.files, l.disk)
	}
	return text
}

// moreMemory is what a process may hold more than before, in MiB.
const moreMemory = 48

// exceeds reports whether a part holds more than before. Memory and the broker's files may vary: Go, the C library and
// the broker keep what the largest moment needed, be it early or late.
func (l load) exceeds(before load, late int) bool {
	const disk = 16
	return l.goroutines > before.goroutines || l.descriptors > before.descriptors+late || l.scans+l.claimed != 0 ||
		l.files > before.files+late || !(l.memory <= before.memory+moreMemory) || !(l.disk <= before.disk+disk)
}

// holds reads what a part holds now.
func (s *soak) holds(p part) (l load) {
	s.t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(p.pid))
	open, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		s.t.Fatalf("the %s has ended: %v", p.name, err)
	}
	l.descriptors = len(open)
	status, err := os.ReadFile(filepath.Join(proc, "statm"))
	pages := strings.Fields(string(status))
	if err != nil || len(pages) < 2 {
		s.t.Fatalf("the memory of the %s: %q, %v", p.name, status, err)
	}
	resident, _ := strconv.Atoi(pages[1])
	l.memory = float64(resident) * float64(os.Getpagesize()) / (1 << 20)
	if p.dir != "" {
		l.files, l.disk = filesIn(p.dir)
	}
	if p.name == "server" {
		l.goroutines, l.scans = s.metric("go_goroutines"), s.metric("ptyx_scans")
		l.claimed = s.metric("ptyx_scans_bytes")
		http.DefaultClient.CloseIdleConnections()
	}
	return l
}

// filesIn counts files and their MiB. Some may disappear meanwhile.
func filesIn(dir string) (count int, size float64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			count++
			size += float64(info.Size()) / (1 << 20)
		}
		return nil
	})
	return count, size
}

// metric is one of the server's own.
func (s *soak) metric(name string) int {
	s.t.Helper()
	_, body := s.ask("GET", "/metrics", "", nil)
	for line := range strings.Lines(string(body)) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return int(v)
		}
	}
	s.t.Fatalf("the metrics have no %s", name)
	return 0
}

// rests waits until a part has let go of its clients: until it holds no more than is allowed, or nothing has changed
// for two seconds. Memory gets five minutes: an idle Go program collects garbage only every two minutes.
func (s *soak) rests(p part, allowed load) (l load) {
	start := time.Now()
	for same := 0; same < 20; same++ {
		time.Sleep(100 * time.Millisecond)
		before := l
		if l = s.holds(p); !l.exceeds(allowed, 0) {
			break
		}
		waits := allowed.memory > 0 && l.memory > allowed.memory+moreMemory && time.Since(start) < 5*time.Minute
		if waits || l.goroutines != before.goroutines || l.descriptors != before.descriptors ||
			l.scans != before.scans || l.files != before.files {
			same = 0
		}
	}
	if waited := time.Since(start); waited > time.Minute {
		s.t.Logf("%s: waited %v for its memory", p.name, waited.Round(time.Second))
	}
	return l
}

// soaks are the kinds of servers that are soaked.
var soaks = []struct {
	name  string
	start func(*soak, string) // with the directory of a model
}{
	{"alone", func(s *soak, run string) {
		s.serving = serveProcess(s.t, "--model", run, "--queue", "32")
		s.parts = []part{{name: "server", pid: s.command.Process.Pid}}
	}},
	{"with a store", func(s *soak, run string) {
		store := filepath.Join(s.t.TempDir(), "store")
		s.serving = serveProcess(s.t, "--model", run, "--queue", "32", "--store", store)
		s.parts = []part{{name: "server", pid: s.command.Process.Pid, dir: store}}
	}},
	{"with workers", func(s *soak, run string) {
		store := filepath.Join(s.t.TempDir(), "store")
		broker, url := running(s.t, "broker", "--store", store, "--listen", "127.0.0.1:0")
		worker := func() *exec.Cmd {
			w, _ := running(s.t, "worker", "--nats", url, "--threads", "1", "--device", "cpu")
			return w
		}
		steady, restarted := worker(), worker()
		s.restart = func() {
			if status := ended(s.t, restarted, syscall.SIGTERM); status != 0 {
				s.t.Errorf("a worker ended with status %d", status)
			}
			restarted = worker()
		}
		s.serving = serveProcess(s.t, "--model", run, "--queue", "32", "--workers", url)
		s.parts = []part{
			{name: "server", pid: s.command.Process.Pid},
			{name: "broker", pid: broker.Process.Pid, dir: store, late: 3}, // an index of each of its streams
			{name: "worker", pid: steady.Process.Pid},
		}
	}},
}

// TestSoak has servers answer good, bad, slow, cancelled and curious clients: one that computes itself, one that keeps
// its scans on disk, and one with a broker and workers, of which one is stopped and started again every so often. It
// compares what each process holds afterwards with what it held after a fifth of the time.
func TestSoak(t *testing.T) {
	testutil.Slow(t)
	long := soaking(t)
	for _, kind := range soaks {
		t.Run(kind.name, func(t *testing.T) {
			s := newSoak(t, kind.start)
			s.during(long/5, 1)
			before := make([]load, len(s.parts))
			for i, p := range s.parts {
				before[i] = s.rests(p, load{})
				t.Logf("%s after %v: %v", p.name, long/5, before[i])
			}
			for round, rounds := 1, max(1, int(long/time.Minute)); round <= rounds; round++ {
				s.during((long-long/5)/time.Duration(rounds), uint64(1+round))
				t.Logf("round %d: %s", round, s.account())
				for i, p := range s.parts {
					after := s.rests(p, before[i])
					t.Logf("%s: %v", p.name, after)
					if after.exceeds(before[i], p.late) {
						t.Fatalf("the %s held %v, and now %v, %d scans and %d bytes for scans\n%s", p.name, before[i],
							after, after.scans, after.claimed, s.stderr)
					}
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
		})
	}
}

// during has all clients at work for a time. Meanwhile it restarts a worker, not too often: a batch that its worker
// gives back waits while the next one starts, and clients wait for 30 s.
func (s *soak) during(d time.Duration, seed uint64) {
	s.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.work(d, seed) }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				s.t.Fatalf("%v\n%s", err, s.stderr)
			}
			return
		case <-time.After(min(20*time.Second, d/2)):
			if s.restart != nil {
				s.restart()
				s.restarts++
			}
		}
	}
}

// newSoak starts a server of a small network, and asks it once for what all answers are compared with.
func newSoak(t *testing.T, start func(*soak, string)) *soak {
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
		serving: serving{t: t},
		client:  &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
		body:    append([]byte(head), bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, 64*64)...), // ones
		header:  strconv.Itoa(len(head)),
		posts:   frames(t, scan, 5), object: object,
	}
	start(s, run)
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
	if s.restarts > 0 {
		parts = append(parts, fmt.Sprintf("%d restarts of a worker", s.restarts))
	}
	parts = append(parts, fmt.Sprintf("slowest answer %.1f s", float64(s.slowest.Load())/1000))
	return strings.Join(parts, ", ")
}
