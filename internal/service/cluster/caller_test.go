package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/predict"
)

// callable is a fake's model under a name.
func callable(name string, n, channels int) Callable {
	return Callable{Name: name, File: []byte("model " + name), Contract: model(n, channels)}
}

// calling is a Caller until the test ends.
func calling(t testing.TB, c *Connection, o CallOptions) *Caller {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Timing == (Timing{}) {
		o.Timing = quick
	}
	if o.InFlight == 0 {
		o.InFlight = 8
	}
	if o.Models == nil {
		o.Models = []Callable{callable("net", size, 1)}
	}
	caller, err := Call(t.Context(), c, o)
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

// batchOf are pieces of so many samples each.
func batchOf(seed uint64, m contract.Contract, samples ...int) (batch []predict.Request) {
	for i, count := range samples {
		d := testutil.Uniform(seed+uint64(i), 0, 2, count, m.Channels, m.N, m.N).Data
		request := predict.Request{Patterns: d, First: make([]float32, len(d)), Second: make([]float32, len(d))}
		if i%2 == 0 { // the others have none
			request.Offsets = testutil.Uniform(seed+uint64(i)+50, -0.5, 0.5, count, 2).Data
		}
		batch = append(batch, request)
	}
	return batch
}

// computed has a batch computed, and compares the patches with what a fake makes of the patterns.
func computed(ctx context.Context, c *Caller, name string, batch []predict.Request) error {
	provider, err := c.Compute(ctx, name, batch)
	if err != nil {
		return err
	}
	for i, p := range batch {
		samples := cmp.Or(len(p.Offsets)/2, 1)
		for k, d := range p.Patterns {
			first, second := d/2, d-1
			if p.Offsets != nil {
				offset := p.Offsets[2*(k/(len(p.Patterns)/samples)):]
				first, second = first+offset[0], second+offset[1]
			}
			if re, im := p.Probe.Re, p.Probe.Im; re != nil {
				first, second = first+re[k%len(re)], second+im[k%len(im)]
			}
			if !(p.First[k] == first && p.Second[k] == second) {
				return fmt.Errorf("piece %d, value %d: %v, %v of %v", i, k, p.First[k], p.Second[k], d)
			}
		}
	}
	if provider != "fake" {
		return fmt.Errorf("computed by %q", provider)
	}
	return nil
}

// awaitNoMessages waits until the broker has no task and no outcome.
func awaitNoMessages(t testing.TB, c *Connection) {
	t.Helper()
	eventually(t, "nothing is left at the broker",
		func() bool { tasks, outcomes := countMessages(t, c); return tasks == 0 && outcomes == 0 })
}

// TestCall: concurrent batches of any size and of several models get their own patches, and leave nothing at the
// broker.
func TestCall(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	small, groups := &fake{n: size, channels: 1, timing: patient}, &fake{n: 32, channels: 4}
	models := []Callable{callable("small", size, 1), callable("groups", 32, 4), callable("again", size, 1)}
	o := small.worker()
	o.Networks.Open = func(file []byte) (predict.Predictor, func() error, error) {
		f := small
		if string(file) == "model groups" {
			f = groups
		}
		return f, func() error { return nil }, nil
	}
	for range 3 {
		start(t, b.URL, o)
	}
	caller := calling(t, c, CallOptions{Models: models, Timing: patient})
	if caller.AtOnce() != 8 || caller.MaxBatch("small") != 31 || caller.Ready() != nil {
		t.Errorf("%d at once, %d samples at most, ready: %v", caller.AtOnce(), caller.MaxBatch("small"), caller.Ready())
	}
	var all sync.WaitGroup
	for client := range 12 {
		all.Go(func() {
			for round := range 4 {
				m := models[(client+round)%3]
				batch := batchOf(uint64(100*client+round), m.Contract,
					[][]int{{1}, {3, 1}, {16}, {2, 2, 5}}[(client*round)%4]...)
				if err := computed(t.Context(), caller, m.Name, batch); err != nil {
					t.Errorf("client %d, round %d, %s: %v", client, round, m.Name, err)
				}
			}
		})
	}
	all.Wait()
	awaitNoMessages(t, c)
	// a slow machine looks for what is on its way, and finds it twice
	if s := caller.summary; s.Resent != 0 || s.Malformed != 0 {
		t.Errorf("%+v", s)
	}
}

// TestCallsWithProbes: a batch with one probe, or one for each sample, gets the patches of this probe.
func TestCallsWithProbes(t *testing.T) {
	t.Parallel()
	b := broker(t)
	f := &fake{n: size, channels: 1, timing: patient}
	start(t, b.URL, f.worker())
	unrolled := callable("net", size, 1)
	unrolled.Contract.Network = "unrolled"
	caller := calling(t, connected(t, b.URL), CallOptions{Models: []Callable{unrolled}, Timing: patient})
	for _, c := range []struct{ samples, probes int }{{1, 1}, {5, 1}, {5, 5}, {caller.MaxBatch("net") * 2 / 3, 0}} {
		batch := batchOf(uint64(c.samples), unrolled.Contract, c.samples)
		probes := cmp.Or(c.probes, c.samples)
		batch[0].Probe = predict.Probe{Re: testutil.Uniform(1, -1, 1, probes, size, size).Data,
			Im: testutil.Uniform(2, -1, 1, probes, size, size).Data}
		if err := computed(t.Context(), caller, "net", batch); err != nil {
			t.Errorf("%d samples, %d probes: %v", c.samples, probes, err)
		}
	}
}

// TestProbesBeyondAMessage: if a pattern with a probe exceeds the broker's messages, this batch is refused, and
// patterns without a probe are not.
func TestProbesBeyondAMessage(t *testing.T) {
	t.Parallel()
	const n = 900 // 9.7 MB with a probe, 6.5 MB for the patches
	caller := calling(t, connected(t, broker(t).URL), CallOptions{Models: []Callable{callable("net", n, 1)}})
	batch := batchOf(1, model(n, 1), 1)
	batch[0].Probe = predict.Probe{Re: batch[0].Patterns, Im: batch[0].Patterns}
	_, err := caller.Compute(t.Context(), "net", batch)
	if bad := (*badinput.Error)(nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), "probe") {
		t.Errorf("with a probe: %v", err)
	}
	batch[0].Probe = predict.Probe{}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := caller.Compute(ctx, "net", batch); !errors.Is(err, context.DeadlineExceeded) { // there is no worker
		t.Errorf("without a probe: %v", err)
	}
}

// TestCancelledCalls: a cancelled call leaves neither its task nor its outcome at the broker.
func TestCancelledCalls(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	caller := calling(t, c, CallOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	for i := range 5 {
		go func() { ended <- computed(ctx, caller, "net", batchOf(uint64(i), model(size, 1), 2)) }()
	}
	eventually(t, "the tasks are put out", func() bool { tasks, _ := countMessages(t, c); return tasks == 5 })
	cancel()
	for range 5 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
	}
	awaitNoMessages(t, c)

	began, proceed := make(chan bool), make(chan bool)
	f := &fake{n: size, channels: 1, run: func() error { began <- true; <-proceed; return nil }}
	start(t, b.URL, f.worker())
	ctx, cancel = context.WithCancel(t.Context())
	go func() { ended <- computed(ctx, caller, "net", batchOf(7, model(size, 1), 2)) }()
	<-began
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("given up in the network: %v", err)
	}
	close(proceed)
	eventually(t, "its outcome has come", func() bool {
		caller.mu.Lock()
		defer caller.mu.Unlock()
		return caller.summary.Repeated > 0
	})
	awaitNoMessages(t, c)
	go func() { <-began }()
	if err := computed(t.Context(), caller, "net", batchOf(8, model(size, 1), 3)); err != nil {
		t.Error(err)
	}
}

// TestCallsSurvive: all batches are computed although a worker is killed, or the broker is killed and restarted, with
// or without its store.
func TestCallsSurvive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ worker, broker, empty bool }{
		"a worker is killed": {worker: true}, "the broker is": {broker: true},
		"the broker loses all": {broker: true, empty: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, store := freePort(t), t.TempDir()
			command, url := process(t, "broker", store+" "+address)
			caller := calling(t, connected(t, url), CallOptions{})
			var done atomic.Int64
			f := &fake{n: size, channels: 1, delay: 5 * time.Millisecond}
			workers := func() {
				for range 2 {
					start(t, url, f.worker())
				}
			}
			if !c.worker {
				workers()
			}
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			var all sync.WaitGroup
			for client := range 4 {
				all.Go(func() {
					for round := range 15 {
						if err := computed(ctx, caller, "net",
							batchOf(uint64(100*client+round), model(size, 1), 1+round%3)); err != nil {
							t.Errorf("client %d, round %d: %v", client, round, err)
						}
						done.Add(1)
					}
				})
			}
			if c.worker {
				stuck, line := process(t, "stuck worker", url)
				if line != "began" {
					t.Errorf("the other worker says %q", line)
				}
				kill(t, stuck)
				workers()
			}
			if c.broker {
				eventually(t, "batches are computed", func() bool { return done.Load() >= 20 })
				kill(t, command)
				eventually(t, "it is not ready", func() bool { return errors.Is(caller.Ready(), ErrNoBroker) })
				if c.empty {
					store = t.TempDir()
				}
				process(t, "broker", store+" "+address)
				eventually(t, "it is ready", func() bool { return caller.Ready() == nil })
			}
			all.Wait()
			t.Logf("%+v, %d batches computed", caller.summary, f.ran.Load())
			awaitNoMessages(t, caller.connection)
		})
	}
}

// TestFailingCalls: a permanent error of a worker reaches the caller. Later calls succeed.
func TestFailingCalls(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	caller := calling(t, c, CallOptions{})
	worker := start(t, b.URL, (&fake{n: size, channels: 1,
		run: func() error { return fmt.Errorf("no such operator") }}).worker())
	var failure *Failure
	if err := computed(t.Context(), caller, "net", batchOf(1, model(size, 1), 1)); !errors.As(err, &failure) ||
		!strings.Contains(err.Error(), "no such operator") {
		t.Errorf("a batch that cannot be computed: %v", err)
	}
	worker.end()
	start(t, b.URL, (&fake{n: size, channels: 1}).worker())
	if err := computed(t.Context(), caller, "net", batchOf(1, model(size, 1), 1)); err != nil {
		t.Error(err)
	}
	awaitNoMessages(t, c)
}

// TestCallsWithMalformedMessages: malformed outcomes are dropped, and the batch is computed.
func TestCallsWithMalformedMessages(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	caller := calling(t, c, CallOptions{})
	id := caller.id.String()
	other := Outcome{Job: caller.id, Batch: 0, shape: shape{Samples: 1, Channels: 1, N: 2}, Provider: "x",
		First: make([]float32, 4), Second: make([]float32, 4)}
	ended := make(chan error, 1)
	go func() { ended <- computed(t.Context(), caller, "net", batchOf(1, model(size, 1), 1)) }()
	eventually(t, "the task is put out", func() bool { tasks, _ := countMessages(t, c); return tasks == 1 })
	for _, data := range [][]byte{[]byte("poison"), other.Encode(), nil} {
		if _, err := c.js.Publish(t.Context(), streams{}.outcomesOfJobs().subject(id, 0), data); err != nil {
			t.Fatal(err)
		}
	}
	// in the place of the task
	if _, err := c.js.Publish(t.Context(), taskSubject(id, 0), []byte("poison")); err != nil {
		t.Fatal(err)
	}
	start(t, b.URL, (&fake{n: size, channels: 1}).worker())
	if err := <-ended; err != nil {
		t.Error(err)
	}
	awaitNoMessages(t, c)
	if s := caller.summary; s.Malformed == 0 || s.Resent == 0 {
		t.Errorf("%+v", s)
	}
}

// TestCallsWithoutWorkers: the log warns once that there is no worker, and a call ends with its context.
func TestCallsWithoutWorkers(t *testing.T) {
	t.Parallel()
	b := broker(t)
	var log syncBuffer
	c := connected(t, b.URL)
	seen := lookups(t, c)
	caller := calling(t, c, CallOptions{Log: slog.New(slog.NewTextHandler(&log, nil))})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- computed(ctx, caller, "net", batchOf(1, model(size, 1), 1)) }()
	eventually(t, "it says that there is no worker",
		func() bool { return strings.Contains(log.String(), "waiting for a worker") })
	before := seen.Load()
	eventually(t, "it looks again, and once more", func() bool { return seen.Load() >= before+3 })
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("without workers: %v", err)
	}
	if n := strings.Count(log.String(), "waiting for a worker"); n != 1 {
		t.Errorf("it says %d times that there is no worker:\n%s", n, &log)
	}
}

// TestRenewingModels: a Caller stores a model again that the broker has lost.
func TestRenewingModels(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	timing := quick
	timing.Renew = 20 * time.Millisecond
	caller := calling(t, c, CallOptions{Timing: timing})
	var digest Digest
	for digest = range caller.models {
	}
	s, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.models.Delete(t.Context(), digest.String()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the model is there again", func() bool {
		_,
			err := s.models.GetInfo(t.Context(), digest.String())
		return err == nil
	})
}

// TestCloseLeavesNothing: Close removes all messages and the consumer.
func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	caller := calling(t, c, CallOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- computed(ctx, caller, "net", batchOf(1, model(size, 1), 1)) }()
	eventually(t, "the task is put out", func() bool { tasks, _ := countMessages(t, c); return tasks == 1 })
	cancel()
	<-ended
	if err := caller.Close(); err != nil {
		t.Error(err)
	}
	if tasks, outcomes := countMessages(t, c); tasks != 0 || outcomes != 0 {
		t.Errorf("%d tasks and %d outcomes are left", tasks, outcomes)
	}
	if _, err := c.js.Consumer(t.Context(), outcomeStream, caller.consumer.CachedInfo().Name); !errors.Is(err,
		jetstream.ErrConsumerNotFound) {
		t.Errorf("the consumer: %v", err)
	}
}

func TestCallsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := connected(t, broker(t).URL)
	for name, o := range map[string]CallOptions{
		"none in flight": {Models: []Callable{callable("net", size, 1)}},
		"all in flight":  {Models: []Callable{callable("net", size, 1)}, InFlight: maxPending + 1},
		"too large":      {Models: []Callable{callable("net", 1024, 4)}, InFlight: 1},
	} {
		o.Log = slog.New(slog.DiscardHandler)
		_, err := Call(t.Context(), c, o)
		if bad := (*badinput.Error)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
