package cluster

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/service/listen"
)

// What TestMain is to be instead of a test: a process that a test can kill.
const (
	asWhat  = "PTYX_TEST_AS"
	asWhere = "PTYX_TEST_WHERE"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	switch where := os.Getenv(asWhere); os.Getenv(asWhat) {
	case "stuck worker": // begins a task and never ends it
		f := &fake{n: size, channels: 1, timing: lasting, run: func() error {
			fmt.Println("began")
			select {}
		}}
		_, err := Work(context.Background(), Address{URL: where}, f.worker())
		fmt.Println(err)
		os.Exit(1)
	case "stuck training": // begins a shard and never ends it
		o := trainingWorker(nil, quick)
		o.OpenTraining = func(context.Context, []byte) (Shards, error) { return fakeShards{stop: true}, nil }
		_, err := Work(context.Background(), Address{URL: where}, o)
		fmt.Println(err)
		os.Exit(1)
	case "broker":
		store, address, _ := strings.Cut(where, " ")
		b, err := StartBroker(BrokerOptions{Address: listen.Address{Listen: address}, Store: store},
			slog.New(slog.DiscardHandler))
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(b.URL)
		select {}
	}
	goleak.VerifyTestMain(m, testutil.IgnoreBrokers()...)
}

// process runs this test binary as something else and waits for its first line.
func process(t *testing.T, as, where string) (command *exec.Cmd, line string) {
	t.Helper()
	command = exec.Command(os.Args[0])
	command.Env = append(os.Environ(), asWhat+"="+as, asWhere+"="+where)
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	if line, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return command, strings.TrimSpace(line)
}

// kill ends a process without a word.
func kill(t *testing.T, command *exec.Cmd) {
	t.Helper()
	if err := command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
}

// Timings of tests. With quick ones a broker on a busy machine delivers a task again while its worker computes it. So
// tests that count batches have steady or lasting ones if a worker is silent or killed, and patient ones if nothing is
// lost.
var (
	quick = Timing{
		AckWait: 600 * time.Millisecond, Request: 500 * time.Millisecond, LostAfter: 600 * time.Millisecond,
		MaxPause: 100 * time.Millisecond,
	}
	steady = Timing{
		AckWait: 2 * time.Second, Request: 500 * time.Millisecond, LostAfter: 600 * time.Millisecond,
		MaxPause: 100 * time.Millisecond,
	}
	lasting = Timing{
		AckWait: 6 * time.Second, Request: 500 * time.Millisecond, LostAfter: 20 * time.Second,
		MaxPause: 100 * time.Millisecond,
	}
	patient = Timing{
		AckWait: 20 * time.Second, Request: 500 * time.Millisecond, LostAfter: 20 * time.Second,
		MaxPause: 100 * time.Millisecond,
	}
)

// size is of the patterns of tests.
const size = 64

// fake is a network whose patch depends on its pattern d, the offset (x, y) and the probe p alone: amplitude d/2 + x +
// Re p, phase d - 1 + y + Im p. Its own probe is 0.
type fake struct {
	n, channels int
	delay       time.Duration // of a batch
	run         func() error  // nil: never fails
	open        func(model []byte) error
	networks    Networks
	timing      Timing // of its worker; zero: quick

	ran      atomic.Int64 // batches
	prepared atomic.Int64 // and not closed
	opened   atomic.Int64 // and not released
	models   sync.Map     // digests that were opened
}

// worker are the options of one with this network.
func (f *fake) worker() WorkerOptions {
	networks := f.networks
	networks.Open = func(model []byte) (predict.Predictor, func() error, error) {
		if f.open != nil {
			if err := f.open(model); err != nil {
				return nil, nil, err
			}
		}
		f.opened.Add(1)
		f.models.Store(contract.Digest(model), true)
		return f, func() error { f.opened.Add(-1); return nil }, nil
	}
	return WorkerOptions{Networks: networks, Timing: cmp.Or(f.timing, quick), Grace: 3 * time.Second,
		Log: slog.New(slog.DiscardHandler)}
}

func (f *fake) Provider() string { return "fake" }
func (f *fake) Fallback() string { return "" }
func (f *fake) Close() error     { return nil }

func (f *fake) Prepare(b int) (predict.Batch, error) { return f.PrepareProbes(b, 0) }

func (f *fake) PrepareProbes(b, probes int) (predict.ProbeBatch, error) {
	f.prepared.Add(1)
	array := func(count int) *ndarray.Float32 { return ndarray.New[float32](count, f.channels, f.n, f.n) }
	batch := &fakeBatch{
		fake: f, offsets: ndarray.New[float32](b, 2), patterns: array(b), amplitude: array(b), phase: array(b),
	}
	if probes > 0 {
		batch.re, batch.im = array(probes), array(probes)
	}
	return batch, nil
}

type fakeBatch struct {
	fake                                        *fake
	offsets, re, im, patterns, amplitude, phase *ndarray.Float32
}

func (b *fakeBatch) Patterns() *ndarray.Float32 { return b.patterns }
func (b *fakeBatch) Offsets() *ndarray.Float32  { return b.offsets }
func (b *fakeBatch) Probes() (re, im *ndarray.Float32) {
	return b.re, b.im
}
func (b *fakeBatch) Close() error { b.fake.prepared.Add(-1); return nil }

func (b *fakeBatch) Run() (amplitude, phase *ndarray.Float32, err error) {
	b.fake.ran.Add(1)
	time.Sleep(b.fake.delay)
	if b.fake.run != nil {
		if err := b.fake.run(); err != nil {
			return nil, nil, err
		}
	}
	image := len(b.patterns.Data) / b.patterns.Shape[0]
	for i, d := range b.patterns.Data {
		offset := b.offsets.Data[2*(i/image):]
		b.amplitude.Data[i], b.phase.Data[i] = d/2+offset[0], d-1+offset[1]
		if b.re != nil {
			b.amplitude.Data[i] += b.re.Data[i%len(b.re.Data)]
			b.phase.Data[i] += b.im.Data[i%len(b.im.Data)]
		}
	}
	return b.amplitude, b.phase, nil
}

// model is the contract of a fake.
func model(n, channels int) contract.Contract {
	probe := ndarray.New[complex64](n, n)
	for i := range probe.Data {
		r, c := float64(i/n-n/2)/float64(n)*6, float64(i%n-n/2)/float64(n)*6
		probe.Data[i] = complex(float32(math.Exp(-r*r-c*c)), 0)
	}
	gridsize := int(math.Sqrt(float64(channels)))
	return contract.Contract{N: n, Gridsize: gridsize, Channels: channels, ObjectExtent: "full", Probe: probe}
}

// scanOf is a scan of count random patterns.
func scanOf(t testing.TB, seed uint64, n, count int) *dataset.Scan {
	t.Helper()
	x, y := testutil.Uniform(seed+1, 40, 70, count), testutil.Uniform(seed+2, 35, 65, count)
	d := dataset.ScanData{Patterns: testutil.Uniform(seed, 0, 2, count, n, n), Probe: model(n, 1).Probe}
	for i := range count {
		d.X, d.Y = append(d.X, float64(x.Data[i])), append(d.Y, float64(y.Data[i]))
	}
	path := filepath.Join(t.TempDir(), "scan.npz")
	if err := dataset.Write(path, d); err != nil {
		t.Fatal(err)
	}
	scan, err := dataset.Open(path, dataset.Options{Input: dataset.Amplitude, NoProbe: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scan.Close() })
	return scan
}

// broker starts one in this process, until the test ends.
func broker(t testing.TB) *Broker {
	t.Helper()
	b := brokerAt(t, t.TempDir(), "127.0.0.1:0")
	t.Cleanup(b.Close)
	return b
}

func brokerAt(t testing.TB, store, address string) *Broker {
	t.Helper()
	return brokerWithToken(t, store, address, "")
}

func brokerWithToken(t testing.TB, store, address, token string) *Broker {
	t.Helper()
	b, err := StartBroker(BrokerOptions{Address: listen.Address{Listen: address}, Store: store, Token: token},
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// freePort is an address where nobody listens.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// connected is a connection until the test ends.
func connected(t testing.TB, url string) *Connection {
	t.Helper()
	c, err := Connect(Address{URL: url, Name: t.Name()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// worker is one at work in this process.
type working struct {
	t     testing.TB
	stop  context.CancelFunc
	ended chan struct{}
	tally Tally
	err   error
}

// start has a fake work until the test ends or end is called.
func start(t testing.TB, url string, o WorkerOptions) *working {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	w := &working{t: t, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(w.ended)
		w.tally, w.err = Work(ctx, Address{URL: url, Name: t.Name()}, o)
	}()
	t.Cleanup(func() { w.end() })
	return w
}

// end ends a worker well and returns what it has done.
func (w *working) end() Tally {
	w.t.Helper()
	w.stop()
	select {
	case <-w.ended:
	case <-time.After(time.Minute):
		stacks := make([]byte, 1<<20)
		w.t.Fatalf("a worker does not end:\n%s", stacks[:runtime.Stack(stacks, true)])
	}
	if w.err != nil {
		w.t.Errorf("a worker ended with %v", w.err)
	}
	return w.tally
}

// idle tells that a fake holds nothing any more.
func (f *fake) idle(t testing.TB) {
	t.Helper()
	if p, o := f.prepared.Load(), f.opened.Load(); p != 0 || o != 0 {
		t.Errorf("%d batches and %d networks were not closed", p, o)
	}
}

// testJob is a scan with a model, and what one machine makes of it.
type testJob struct {
	scan   *dataset.Scan
	model  contract.Contract
	file   []byte
	opt    reconstruct.Options
	want   []byte // bytes of the object's file
	timing Timing // zero: quick
}

// newTestJob computes the reference.
func newTestJob(t testing.TB, seed uint64, n, channels, count int, opt reconstruct.Options) testJob {
	t.Helper()
	w := testJob{scan: scanOf(t, seed, n, count), model: model(n, channels), file: fmt.Appendf(nil, "model %d", seed),
		opt: opt}
	r, err := reconstruct.Run(context.Background(), &fake{n: n, channels: channels}, w.scan, w.model, opt)
	if err != nil {
		t.Fatal(err)
	}
	w.want = encoded(t, r)
	return w
}

func encoded(t testing.TB, r *reconstruct.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := r.Encode(&b, "digest"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// gather does the job, and compares the object with the reference.
func (w testJob) gather(t testing.TB, c *Connection, inFlight int) Summary {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	r, s, err := w.try(ctx, t, c, inFlight)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, r), w.want) {
		t.Error("the object has other bytes than that of one machine")
	}
	return s
}

func (w testJob) job(t testing.TB, c *Connection) *Job {
	t.Helper()
	j, err := NewJob(c, w.scan, w.file, w.model, w.opt)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func (w testJob) try(ctx context.Context, t testing.TB, c *Connection, inFlight int) (*reconstruct.Result, Summary,
	error) {
	t.Helper()
	return Gather(ctx, c, w.job(t, c), GatherOptions{InFlight: inFlight, Timing: cmp.Or(w.timing, quick),
		Log: slog.New(slog.DiscardHandler)})
}

// countMessages is how many messages of tasks and outcomes the broker has.
func countMessages(t testing.TB, c *Connection) (tasks, outcomes uint64) {
	t.Helper()
	s, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.tasks.Info(t.Context())
	b, err2 := s.outcomes.Info(t.Context())
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return a.State.Msgs, b.State.Msgs
}

// checkNoMessages is for the end of jobs. Of a batch that was computed twice, which is a matter of time, the second
// outcome may come when its job is done.
func checkNoMessages(t testing.TB, c *Connection, twice int64) {
	t.Helper()
	if tasks, outcomes := countMessages(t, c); tasks != 0 || int64(outcomes) > twice {
		t.Errorf("%d tasks and %d outcomes were left at the broker", tasks, outcomes)
	}
}

// requests counts the requests to the broker's API on a subject whose data contain a text.
func requests(t testing.TB, c *Connection, subject, text string) *atomic.Int64 {
	t.Helper()
	var count atomic.Int64
	_, err := c.nc.Subscribe("$JS.API."+subject, func(m *nats.Msg) {
		if bytes.Contains(m.Data, []byte(text)) {
			count.Add(1)
		}
	})
	if err := errors.Join(err, c.nc.Flush()); err != nil {
		t.Fatal(err)
	}
	return &count
}

// lookups counts how often jobs look for their tasks.
func lookups(t testing.TB, c *Connection) *atomic.Int64 {
	t.Helper()
	return requests(t, c, "STREAM.INFO."+taskStream, "subjects_filter")
}

// eventually waits for what others bring about.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
