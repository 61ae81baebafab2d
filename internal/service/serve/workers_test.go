package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ptyx/internal/recon/predict"
	"ptyx/internal/service/cluster"
	"ptyx/internal/service/listen"
)

// quick are times for tests.
var quick = cluster.Timing{AckWait: 600 * time.Millisecond, Request: 500 * time.Millisecond,
	LostAfter: 600 * time.Millisecond, MaxPause: 50 * time.Millisecond}

// starter starts a server until the test ends.
type starter func(t testing.TB, o Options) *Server

// everywhere runs a test with the networks in the server, and then at the worker of a broker that is given one batch at
// a time.
func everywhere(t *testing.T, test func(t *testing.T, started starter)) {
	t.Run("here", func(t *testing.T) { test(t, started) })
	t.Run("at a worker", func(t *testing.T) {
		test(t, func(t testing.TB, o Options) *Server { return atWorkers(t, o, 1, 1) })
	})
}

// several is a network that takes a number of batches at the same time, each of which waits for a word.
type several struct {
	atOnce  int
	begun   chan int // samples
	proceed chan error
	given   chan context.Context // up: nobody waits any more
}

func (s *several) AtOnce() int  { return s.atOnce }
func (s *several) Ready() error { return nil }

func (s *several) Compute(ctx context.Context, _ string, batch []predict.Request) (string, error) {
	samples := 0
	for _, p := range batch {
		samples += len(p.Patterns) / area
	}
	s.begun <- samples
	select {
	case err := <-s.proceed:
		for _, p := range batch {
			for i, d := range p.Patterns {
				p.First[i], p.Second[i] = d/2, d-1
			}
		}
		return "several", err
	case <-ctx.Done():
		s.given <- ctx
		return "", ctx.Err()
	}
}

func newSeveral(atOnce int) *several {
	return &several{atOnce: atOnce, begun: make(chan int), proceed: make(chan error),
		given: make(chan context.Context, 16)}
}

// TestConcurrentBatches: the network computes as many batches at once as it allows, of all models together, and the
// parts of a job in any order.
func TestConcurrentBatches(t *testing.T) { synctest.Test(t, severalAtOnce) }

func severalAtOnce(t *testing.T) {
	f, n := &fake{channels: 1}, newSeveral(3)
	o := options(f)
	o.Models = append(o.Models, f.model("other"))
	o.Network = n
	s := started(t, o)
	jobs := []chan error{submitted(t.Context(), s.models["net"].queue, 11)}
	var sizes []int
	for range 3 {
		sizes = append(sizes, <-n.begun)
	}
	jobs = append(jobs, submitted(t.Context(), s.models["other"].queue, 2))
	synctest.Wait()
	select {
	case <-n.begun:
		t.Error("a fourth batch has begun")
	default:
	}
	n.proceed <- nil
	slices.Sort(sizes) // they begin in no order
	sizes = append(sizes, <-n.begun)
	for range 3 {
		n.proceed <- nil
	}
	if err := errors.Join(<-jobs[0], <-jobs[1]); err != nil {
		t.Error(err)
	}
	if !slices.Equal(sizes, []int{3, 4, 4, 2}) {
		t.Errorf("batches of %v, want 3, 4 and 4, then 2", sizes)
	}
}

// TestPostUsesAllWorkers: the frames of one post go to all workers, in batches no larger than the model's limit.
func TestPostUsesAllWorkers(t *testing.T) {
	f, n := &fake{channels: 1}, newSeveral(6)
	o := scanServer(f)
	o.Models[0].MaxBatch = 2
	o.Network = n
	s := started(t, o)
	m := simulated(13)
	path := createScan(t, s, `{"model":"net"}`)
	posted := make(chan int)
	go func() { posted <- ask(s, "POST", path+"/frames", m.npz(t)).Code }()
	for range 6 {
		if samples := <-n.begun; samples != 2 {
			t.Errorf("a batch of %d, want 2", samples)
		}
	}
	for range 6 {
		n.proceed <- nil
	}
	if samples := <-n.begun; samples != 1 {
		t.Errorf("a batch of %d, want what is left", samples)
	}
	n.proceed <- nil
	if code := <-posted; code != 200 || statusOf(t, s, path).Frames != 13 {
		t.Errorf("%d, %d frames", code, statusOf(t, s, path).Frames)
	}
}

// TestCancellingBatches: a batch is cancelled when all its jobs are, but not while one of them waits.
func TestCancellingBatches(t *testing.T) {
	f, n := &fake{channels: 1}, newSeveral(2)
	o := options(f)
	o.Network = n
	s := started(t, o)
	q := s.models["net"].queue
	ctx, cancel := context.WithCancel(t.Context())
	large := submitted(ctx, q, 6) // a batch of 4, and 2 of another
	if samples := <-n.begun + <-n.begun; samples != 6 {
		t.Errorf("batches of %d", samples)
	}
	cancel()
	if err := <-large; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	<-n.given
	<-n.given

	one, two := submitted(t.Context(), q, 4), submitted(t.Context(), q, 4)
	<-n.begun
	<-n.begun
	ctx, cancel = context.WithCancel(t.Context())
	gone := submitted(ctx, q, 1)
	awaitWaiting(t, q, 1)
	stays := submitted(t.Context(), q, 2)
	awaitWaiting(t, q, 3)
	n.proceed <- nil
	if samples := <-n.begun; samples != 3 {
		t.Errorf("a batch of %d, want both", samples)
	}
	cancel()
	<-gone
	n.proceed <- nil
	n.proceed <- nil
	if err := errors.Join(<-one, <-two, <-stays); err != nil || len(n.given) != 0 {
		t.Errorf("%v, %d given up", err, len(n.given))
	}
}

// TestFailureOfAPart: a job fails with its first failed batch, and its other batches are cancelled.
func TestFailureOfAPart(t *testing.T) {
	f, n := &fake{channels: 1}, newSeveral(2)
	o := options(f)
	o.Network = n
	s := started(t, o)
	broken := errors.New("no memory")
	job := submitted(t.Context(), s.models["net"].queue, 16)
	<-n.begun
	<-n.begun
	n.proceed <- broken
	if err := <-job; !errors.Is(err, broken) {
		t.Error(err)
	}
	<-n.given
	next := submitted(t.Context(), s.models["net"].queue, 1)
	if samples := <-n.begun; samples != 1 {
		t.Errorf("a batch of %d, want 1: the rest of the job that has failed is not computed", samples)
	}
	n.proceed <- nil
	if err := <-next; err != nil {
		t.Error(err)
	}
}

// TestClosingWithWorkers: Close finishes the accepted jobs.
func TestClosingWithWorkers(t *testing.T) {
	f, begun, proceed := gated()
	s := atWorkers(t, options(f), 1, 2)
	var jobs []chan error
	for range 3 {
		jobs = append(jobs, submitted(t.Context(), s.models["net"].queue, 4))
	}
	<-begun
	awaitWaiting(t, s.models["net"].queue, 4)
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	proceed <- nil
	for range 2 {
		<-begun
		proceed <- nil
	}
	if err := errors.Join(<-jobs[0], <-jobs[1], <-jobs[2], <-closed); err != nil {
		t.Error(err)
	}
}

// TestWorkerFailure: the client learns that a worker failed; the log says why.
func TestWorkerFailure(t *testing.T) {
	t.Parallel()
	f := &fake{channels: 1, run: func(int) error { return errors.New("out of some memory") }}
	var log bytes.Buffer
	o := options(f)
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	s := atWorkers(t, o, 1, 2)
	w := ask(s, "POST", inferPath, jsonRequest(t, 3, nil))
	if text := complaint(t, w); w.Code != 500 || strings.Contains(text, "memory") ||
		!strings.Contains(log.String(), "out of some memory") {
		t.Errorf("%d %s, log %s", w.Code, text, &log)
	}
}

// TestBrokerLoss: without its broker the server is not ready and requests time out. It recovers when the broker is
// back.
func TestBrokerLoss(t *testing.T) {
	t.Parallel()
	f := &fake{channels: 1}
	o := options(f)
	dir := t.TempDir()
	begin := func(address string) *cluster.Broker {
		b, err := cluster.StartBroker(cluster.BrokerOptions{Address: listen.Address{Listen: address}, Store: dir},
			slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := begin("127.0.0.1:0")
	t.Cleanup(func() { b.Close() })
	startWorker(t, b.URL, o.Models)
	o.Network = caller(t, b.URL, o.Models, 2)
	s := started(t, o)
	ready := func(want int) {
		t.Helper()
		for _, path := range []string{"/v2/health/ready", "/v2/models/net/ready"} {
			eventually(t, fmt.Sprint(path, " is ", want), func() bool { return ask(s, "GET", path, nil).Code == want })
		}
	}
	ready(200)
	b.Close()
	ready(503)
	if w := ask(s, "GET", "/v2/health/live", nil); w.Code != 200 {
		t.Errorf("live: %d", w.Code)
	}
	if w := ask(s, "POST", inferPath, jsonRequest(t, 1,
		map[string]any{"timeout": 200_000})); w.Code != http.StatusGatewayTimeout {
		t.Errorf("a request without a broker: %d %s", w.Code, w.Body)
	}
	waits := make(chan int)
	go func() { waits <- ask(s, "POST", inferPath, jsonRequest(t, 1, nil)).Code }()
	b = begin(strings.TrimPrefix(b.URL, "nats://"))
	ready(200)
	if code := <-waits; code != 200 {
		t.Errorf("a request that has waited for the broker: %d", code)
	}
}

// atWorkers is a server whose batches go to workers, so many of them at the same time.
func atWorkers(t testing.TB, o Options, workers, inFlight int) *Server {
	t.Helper()
	b, err := cluster.StartBroker(cluster.BrokerOptions{Address: listen.Address{Listen: "127.0.0.1:0"},
		Store: t.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	for range workers {
		startWorker(t, b.URL, o.Models)
	}
	o.Network = caller(t, b.URL, o.Models, inFlight)
	return started(t, o)
}

// file stands for that of a model: workers are told by it which fake they run.
func (m Model) file() []byte { return fmt.Appendf(nil, "the file of %s", m.Name) }

// caller is a network of workers until the test ends.
func caller(t testing.TB, url string, models []Model, inFlight int) *cluster.Caller {
	t.Helper()
	c, err := cluster.Connect(cluster.Address{URL: url}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	o := cluster.CallOptions{InFlight: inFlight, Timing: quick, Log: slog.New(slog.DiscardHandler)}
	for _, m := range models {
		o.Models = append(o.Models, cluster.Callable{Name: m.Name, File: m.file(), Contract: m.Contract})
	}
	caller, err := cluster.Call(t.Context(), c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caller.Close(); err != nil {
			t.Error(err)
		}
	})
	return caller
}

// startWorker starts a worker that runs the models' fakes until the test ends, or stop is called.
func startWorker(t testing.TB, url string, models []Model) (stop func()) {
	t.Helper()
	open := func(file []byte) (predict.Predictor, func() error, error) {
		for _, m := range models {
			if string(m.file()) == string(file) {
				return m.Predictor, func() error { return nil }, nil
			}
		}
		return nil, nil, fmt.Errorf("no such model: %q", file)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		_, err := cluster.Work(ctx, cluster.Address{URL: url},
			cluster.WorkerOptions{Networks: cluster.Networks{Open: open}, Timing: quick,
				Log: slog.New(slog.DiscardHandler)})
		ended <- err
	}()
	var once bool
	stop = func() {
		cancel()
		if once {
			return
		}
		once = true
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}
