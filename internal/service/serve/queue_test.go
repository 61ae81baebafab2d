package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ptyx/internal/recon/predict"
)

// gated is a network that waits for a word before each batch.
func gated() (f *fake, begun chan int, proceed chan error) {
	begun, proceed = make(chan int), make(chan error)
	return &fake{channels: 1, run: func(samples int) error {
		begun <- samples
		return <-proceed
	}}, begun, proceed
}

// submitted hands a job in from a goroutine of its own.
func submitted(ctx context.Context, q *queue, samples int) chan error {
	done := make(chan error, 1)
	go func() {
		patterns := ramp(samples)
		out, err := q.submit(ctx, predict.Request{Patterns: patterns}, false)
		for i, d := range patterns {
			if err == nil && (out.outputs[0][i] != d/2 || out.outputs[1][i] != d-1) {
				err = fmt.Errorf("element %d: %v, %v", i, out.outputs[0][i], out.outputs[1][i])
			}
		}
		done <- err
	}()
	return done
}

// awaitWaiting waits until so many samples wait in the queue.
func awaitWaiting(t testing.TB, q *queue, samples int) {
	t.Helper()
	eventually(t, fmt.Sprint(samples, " samples wait"), func() bool {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.waiting == samples
	})
}

// TestGatheringBatches: requests that arrive while the network runs share a batch. A job larger than a batch is split,
// and its rest shares one, too.
func TestGatheringBatches(t *testing.T) { everywhere(t, batchesAreGathered) }

func batchesAreGathered(t *testing.T, started starter) {
	f, begun, proceed := gated()
	s := started(t, options(f))
	q := s.models["net"].queue
	ctx := t.Context()
	jobs := []chan error{submitted(ctx, q, 1)}
	<-begun // a single one, since nothing waits
	waiting := 0
	for _, n := range []int{1, 2, 6, 1} {
		jobs = append(jobs, submitted(ctx, q, n))
		waiting += n
		awaitWaiting(t, q, waiting)
	}
	proceed <- nil
	var sizes []int
	for range 3 { // 1 + 2 + 1, 4, 1 + 1
		sizes = append(sizes, <-begun)
		proceed <- nil
	}
	for _, job := range jobs {
		if err := <-job; err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(sizes, []int{4, 4, 2}) {
		t.Errorf("batches of %v, want 4, 4, 2", sizes)
	}
}

// TestBatchWait: the first request of a batch waits for others, but a client that is alone does not. The clock is
// synthetic.
func TestBatchWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{channels: 1}
		o := options(f)
		o.BatchWait = 100 * time.Millisecond
		s, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		q := s.models["net"].queue
		start := time.Now()
		first := submitted(t.Context(), q, 1)
		time.Sleep(60 * time.Millisecond)
		second := submitted(t.Context(), q, 2)
		if err := errors.Join(<-first, <-second); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 100*time.Millisecond || !slices.Equal(f.sizes(), []int{3}) {
			t.Errorf("batches of %v after %v, want one of 3 after 100 ms", f.sizes(), took)
		}
		start = time.Now()
		if err := <-submitted(t.Context(), q, 4); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("a full batch has waited %v", took)
		}
		for range 2 { // alone since then
			if err := <-submitted(t.Context(), q, 1); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("a client that is alone has waited %v", took)
		}
	})
}

// TestPadding: a network on a GPU gets only full batches.
func TestPadding(t *testing.T) {
	f := &fake{channels: 1, provider: "CUDAExecutionProvider"}
	s := started(t, options(f))
	for _, n := range []int{4, 1, 6} { // darkness in place of the samples before
		if err := <-submitted(t.Context(), s.models["net"].queue, n); err != nil {
			t.Error(err)
		}
	}
	if !slices.Equal(f.sizes(), []int{4, 4, 4, 4}) {
		t.Errorf("batches of %v", f.sizes())
	}
}

// TestFullQueue: a request beyond the limit gets status 429, and nothing of it stays in the queue.
func TestFullQueue(t *testing.T) { everywhere(t, aFullQueue) }

func aFullQueue(t *testing.T, started starter) {
	f, begun, proceed := gated()
	s := started(t, options(f))
	q := s.models["net"].queue
	running := submitted(t.Context(), q, 1)
	<-begun
	large := submitted(t.Context(), q, 16)
	awaitWaiting(t, q, 16)
	w := ask(s, "POST", inferPath, jsonRequest(t, 1, nil))
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s, headers %v", w.Code, complaint(t, w), w.Header())
	}
	proceed <- nil
	for range 4 {
		<-begun
		proceed <- nil
	}
	if err := errors.Join(<-running, <-large); err != nil {
		t.Error(err)
	}
	text := ask(s, "GET", "/metrics", nil).Body.String()
	for _, line := range []string{
		`ptyx_requests_total{model="net",status="429"} 1`, `ptyx_queue_samples{model="net"} 0`,
		`ptyx_batch_samples_count{model="net"} 5`,
		`ptyx_batch_samples_sum{model="net"} 17`, `ptyx_patterns_total{model="net"} 17`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("the metrics have no line %q", line)
		}
	}
}

// TestCancelledJobsAreNotComputed: cancelled jobs are not computed and make room in the queue.
func TestCancelledJobsAreNotComputed(t *testing.T) { everywhere(t, theCancelledCostNothing) }

func theCancelledCostNothing(t *testing.T, started starter) {
	f, begun, proceed := gated()
	s := started(t, options(f))
	q := s.models["net"].queue
	running := submitted(t.Context(), q, 1)
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	var gone []chan error
	for range 4 {
		gone = append(gone, submitted(ctx, q, 4))
	}
	awaitWaiting(t, q, 16)
	cancel()
	for _, job := range gone {
		if err := <-job; !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled job: %v", err)
		}
	}
	last := submitted(t.Context(), q, 2) // there is room again
	awaitWaiting(t, q, 2)
	proceed <- nil
	<-begun
	proceed <- nil
	if err := errors.Join(<-running, <-last); err != nil {
		t.Error(err)
	}
	if !slices.Equal(f.sizes(), []int{1, 2}) {
		t.Errorf("batches of %v, want 1, 2", f.sizes())
	}
}

// TestCancellingBehindAnotherModel: one network runs at a time. A job cancelled while another model's batch runs is not
// computed, and later jobs join the batch.
func TestCancellingBehindAnotherModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { theCancelledBehindAnotherModel(t, started, synctest.Wait) })
	everywhere(t, func(t *testing.T, started starter) { theCancelledBehindAnotherModel(t, started, func() {}) })
}

// settle returns when a batch would have been taken, if one were.
func theCancelledBehindAnotherModel(t *testing.T, started starter, settle func()) {
	busy, begun, proceed := gated()
	idle := &fake{channels: 1}
	o := options(busy)
	o.Models = append(o.Models, idle.model("other"))
	s := started(t, o)
	running := submitted(t.Context(), s.models["net"].queue, 1)
	<-begun
	q := s.models["other"].queue
	ctx, cancel := context.WithCancel(t.Context())
	gone := submitted(ctx, q, 2)
	first := submitted(t.Context(), q, 1)
	settle()
	second := submitted(t.Context(), q, 2)
	awaitWaiting(t, q, 5)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled job: %v", err)
	}
	proceed <- nil
	if err := errors.Join(<-running, <-first, <-second); err != nil {
		t.Error(err)
	}
	if !slices.Equal(idle.sizes(), []int{3}) {
		t.Errorf("batches of %v, want one of 3", idle.sizes())
	}
}

// TestCancellingALargeJob: the batch in the network is finished, the rest of the job is not computed.
func TestCancellingALargeJob(t *testing.T) { everywhere(t, cancelledHalfway) }

func cancelledHalfway(t *testing.T, started starter) {
	f, begun, proceed := gated()
	s := started(t, options(f))
	q := s.models["net"].queue
	ctx, cancel := context.WithCancel(t.Context())
	job := submitted(ctx, q, 12)
	<-begun
	cancel()
	if err := <-job; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	awaitWaiting(t, q, 0)
	proceed <- nil
	next := submitted(t.Context(), q, 1)
	<-begun
	proceed <- nil
	if err := <-next; err != nil {
		t.Error(err)
	}
	if !slices.Equal(f.sizes(), []int{4, 1}) {
		t.Errorf("batches of %v, want 4, 1", f.sizes())
	}
}

// TestDeadlines: the timeouts of the server and of the request end a request.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	everywhere(t, deadlines)
}

func deadlines(t *testing.T, started starter) {
	f, begun, proceed := gated()
	o := options(f)
	o.Timeout = 500 * time.Millisecond
	s := started(t, o)
	running := submitted(t.Context(), s.models["net"].queue, 1)
	<-begun
	for name, parameters := range map[string]map[string]any{"of the server": nil, "of the request": {"timeout": 1000},
		"beyond the server's": {"timeout": int64(1) << 62}} {
		start := time.Now()
		w := ask(s, "POST", inferPath, jsonRequest(t, 1, parameters))
		took := time.Since(start)
		if w.Code != http.StatusGatewayTimeout {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if own := name == "of the request"; own == (took >= o.Timeout) {
			t.Errorf("%s: after %v", name, took)
		}
	}
	proceed <- nil
	if err := <-running; err != nil {
		t.Error(err)
	}
	if !slices.Equal(f.sizes(), []int{1}) {
		t.Errorf("batches of %v, want 1 alone", f.sizes())
	}
}

// TestNetworkFailure: the client learns that the network failed, but not why. The next request succeeds.
func TestNetworkFailure(t *testing.T) {
	fails := true
	f := &fake{channels: 1, run: func(int) error {
		if fails {
			return errors.New("out of some memory")
		}
		return nil
	}}
	s := started(t, options(f))
	w := ask(s, "POST", inferPath, jsonRequest(t, 6, nil))
	if text := complaint(t, w); w.Code != 500 || strings.Contains(text, "memory") {
		t.Errorf("%d %s", w.Code, text)
	}
	fails = false
	w = ask(s, "POST", inferPath, jsonRequest(t, 6, nil))
	check(t, answer(t, w.Header(), w.Body.Bytes(), 6), 6, "amplitude", "phase")
	if !slices.Equal(f.sizes(), []int{4, 4, 2}) {
		t.Errorf("batches of %v, want 4 that failed, then 4 and 2", f.sizes())
	}
}

// TestManyClients: every client gets its own results.
func TestManyClients(t *testing.T) {
	t.Parallel()
	everywhere(t, manyAtOnce)
	t.Run("at three workers", func(t *testing.T) {
		manyAtOnce(t, func(t testing.TB, o Options) *Server { return atWorkers(t, o, 3, 5) })
	})
}

func manyAtOnce(t *testing.T, started starter) {
	a, b := &fake{channels: 1}, &fake{channels: 1}
	o := options(a)
	o.Models = append(o.Models, b.model("other"))
	o.Queue, o.BatchWait = 1000, time.Millisecond
	s := started(t, o)
	var all sync.WaitGroup
	for client := range 24 {
		all.Go(func() {
			for round := range 10 {
				m := []string{"net", "other"}[(client+round)%2]
				if err := <-submitted(t.Context(), s.models[m].queue, 1+(client*round)%7); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for _, f := range []*fake{a, b} {
		if largest := slices.Max(f.sizes()); largest != 4 {
			t.Errorf("batches of up to %d, want 4", largest)
		}
	}
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	f := &fake{channels: 1}
	for name, change := range map[string]func(*Options){
		"no model":   func(o *Options) { o.Models = nil },
		"twice":      func(o *Options) { o.Models = append(o.Models, o.Models[0]) },
		"a path":     func(o *Options) { o.Models = []Model{f.model("../net")} },
		"a long one": func(o *Options) { o.Models = []Model{f.model(strings.Repeat("a", 65))} },
		"no batch":   func(o *Options) { o.BatchSize = 0 },
		"no room":    func(o *Options) { o.Queue = 3 },
		"patience":   func(o *Options) { o.BatchWait = -1 },
		"no time":    func(o *Options) { o.Timeout = 0 },
		"no grace":   func(o *Options) { o.Grace = -1 },
		"no body":    func(o *Options) { o.MaxBody = 0 },
		"no outputs": func(o *Options) { o.Models[0].File.Graph.Outputs = nil },
	} {
		o := options(f)
		change(&o)
		if s, err := New(o); err == nil {
			t.Errorf("%s: taken", name)
			_ = s.Close()
		} else if status, _ := explain(err); status != 400 { // a *badinput.Error
			t.Errorf("%s: %T %v", name, err, err)
		}
	}
}
