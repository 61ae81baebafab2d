package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/reconstruct"
)

// TestTheSameBytes: with any number of workers, batches in flight and samples of a batch, the object has the bytes of
// one machine, and nothing stays at the broker.
func TestTheSameBytes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		channels, count, workers, inFlight int
		opt                                reconstruct.Options
	}{
		"one worker":             {1, 50, 1, 64, reconstruct.Options{BatchSize: 4}},
		"three workers":          {1, 50, 3, 5, reconstruct.Options{BatchSize: 3}},
		"one in flight":          {1, 9, 2, 1, reconstruct.Options{BatchSize: 1}},
		"all in one":             {1, 9, 2, 8, reconstruct.Options{BatchSize: 64}},
		"some of the scan":       {1, 40, 2, 8, reconstruct.Options{BatchSize: 4, Count: 13, Seed: 5}},
		"groups":                 {4, 21, 2, 8, reconstruct.Options{BatchSize: 2, Seed: 3}},
		"more than fits at once": {1, 40, 2, 8, reconstruct.Options{BatchSize: 1000}},
	} {
		t.Run(name, func(t *testing.T) {
			b := broker(t)
			w := newTestJob(t, 7, size, c.channels, c.count, c.opt)
			w.timing = patient
			f := &fake{n: size, channels: c.channels, timing: patient}
			var all []*working
			for range c.workers {
				all = append(all, start(t, b.URL, f.worker()))
			}
			connection := connected(t, b.URL)
			s := w.gather(t, connection, c.inFlight)
			checkNoMessages(t, connection, f.ran.Load()-int64(s.Batches))
			did := Tally{}
			for _, w := range all {
				tally := w.end()
				did.Batches += tally.Batches
				did.Patterns += tally.Patterns
				did.Repeated += tally.Repeated + tally.Retried + tally.Failed + tally.Malformed
			}
			patterns := c.count * c.channels
			if c.opt.Count > 0 {
				patterns = c.opt.Count * c.channels
			}
			if want := (Tally{Batches: s.Batches, Patterns: patterns}); did != want {
				t.Errorf("the workers did %+v, expected %+v", did, want)
			}
			if want := (Summary{Batches: s.Batches}); s != want {
				t.Errorf("the job was done %+v, expected %+v", s, want)
			}
			f.idle(t)
		})
	}
}

// TestLargePatterns: a foreign NATS server with messages of 1 MiB passes single patches of 256 x 256, and a group of
// four is refused.
func TestLargePatterns(t *testing.T) {
	t.Parallel()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("the server does not start")
	}
	const n = 256
	w := newTestJob(t, 3, n, 1, 5, reconstruct.Options{BatchSize: 16})
	f := &fake{n: n, channels: 1}
	worker := start(t, s.ClientURL(), f.worker())
	c := connected(t, s.ClientURL())
	if summary := w.gather(t, c, 4); summary.Batches != 5 {
		t.Errorf("%d batches, expected one for each of 5 patterns", summary.Batches)
	}
	worker.end()
	_, err = NewJob(c, w.scan, w.file, model(n, 4), w.opt)
	var bad *badinput.Error
	if !errors.As(err, &bad) || !strings.Contains(bad.Remedy, "max_payload") {
		t.Errorf("groups of four: %v", err)
	}
	if _, err := NewJob(connected(t, broker(t).URL), w.scan, w.file, model(n, 4), w.opt); err != nil {
		t.Errorf("groups of four, at ptyx broker: %v", err)
	}
}

// TestFlowControl: at most InFlight tasks are at the broker, however long the scan is and whoever is away.
func TestFlowControl(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	const inFlight = 5
	w := newTestJob(t, 8, size, 1, 40, reconstruct.Options{BatchSize: 1})
	seen := lookups(t, c)
	done := make(chan Summary, 1)
	go func() { defer close(done); done <- w.gather(t, c, inFlight) }()
	eventually(t, "the first batches are put out",
		func() bool { tasks, _ := countMessages(t, c); return tasks == inFlight })
	before := seen.Load()
	eventually(t, "those that wait are looked for, and found", func() bool { return seen.Load() >= before+3 })
	if tasks, _ := countMessages(t, c); tasks != inFlight {
		t.Errorf("%d tasks lie at the broker, %d may", tasks, inFlight)
	}
	f := &fake{n: size, channels: 1}
	worker := start(t, b.URL, f.worker())
	most := uint64(0)
	for len(done) == 0 {
		tasks, _ := countMessages(t, c)
		most = max(most, tasks)
	}
	// The outcome of a task may be gathered before the worker, which holds three at most, has acknowledged it.
	if s := <-done; most > inFlight+3 || s.Resent != 0 {
		t.Errorf("%d tasks lay at the broker, %+v", most, s)
	}
	worker.end()
}

// TestWorkerKilled: a worker killed in the middle of a batch loses nothing and doubles nothing.
func TestWorkerKilled(t *testing.T) {
	t.Parallel()
	b := broker(t)
	w := newTestJob(t, 9, size, 1, 24, reconstruct.Options{BatchSize: 4})
	c := connected(t, b.URL)
	killed := make(chan *working)
	f := &fake{n: size, channels: 1, timing: lasting}
	go func() {
		defer close(killed)
		command, line := process(t, "stuck worker", b.URL)
		if line != "began" {
			t.Errorf("the other worker says %q", line)
		}
		kill(t, command)
		killed <- start(t, b.URL, f.worker())
	}()
	s := w.gather(t, c, 64)
	if worker, ok := <-killed; ok {
		if did := worker.end(); did.Batches != s.Batches {
			t.Errorf("the worker that was left did %+v of %d batches", did, s.Batches)
		}
	}
	if s.Repeated != 0 {
		t.Errorf("%d outcomes came twice", s.Repeated)
	}
	checkNoMessages(t, c, f.ran.Load()-int64(s.Batches))
}

// TestSlowWorkers: a slow worker that reports progress keeps its task. A silent one loses it, and its late outcome
// changes nothing.
func TestSlowWorkers(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	slow := &fake{n: size, channels: 1, timing: steady, delay: steady.AckWait * 5 / 4}
	worker := start(t, b.URL, slow.worker())
	w := newTestJob(t, 11, size, 1, 6, reconstruct.Options{BatchSize: 2})
	if s := w.gather(t, c, 64); slow.ran.Load() != 3 {
		t.Errorf("a slow worker computed %d batches for %d, %+v", slow.ran.Load(), s.Batches, s)
	}
	worker.end()

	// A task that somebody took and keeps silent about.
	silent := make(chan error, 1)
	go func() {
		s, err := c.open(context.Background())
		if err != nil {
			silent <- err
			return
		}
		consumer, err := s.tasks.Consumer(context.Background(), workers)
		if err != nil {
			silent <- err
			return
		}
		msg, err := consumer.Next(jetstream.FetchMaxWait(10 * time.Second))
		if err != nil {
			silent <- err
			return
		}
		f := &fake{n: size, channels: 1, delay: 40 * time.Millisecond} // the job takes longer than the task is kept
		start(t, b.URL, f.worker())
		task, err := DecodeTask(msg.Data())
		if err != nil {
			silent <- err
			return
		}
		subject := streams{}.outcomesOfJobs().subject(task.Job.String(), task.Batch)
		// until another has stored the outcome
		for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(5 * time.Millisecond) {
			if _, err = s.outcomes.GetLastMsgForSubject(context.Background(), subject); err == nil ||
				!errors.Is(err, jetstream.ErrMsgNotFound) {
				break
			}
		}
		if err == nil { // and now its own, which is wrong, comes late
			o := Outcome{Job: task.Job, Batch: task.Batch, shape: task.shape, Provider: "late",
				First: task.Patterns, Second: task.Patterns}
			_, err = c.js.Publish(context.Background(), subject, o.Encode())
		}
		silent <- err
	}()
	w = newTestJob(t, 12, size, 1, 40, reconstruct.Options{BatchSize: 1})
	if s := w.gather(t, c, 64); s.Repeated == 0 {
		t.Errorf("the late outcome was not seen: %+v", s)
	}
	if err := <-silent; err != nil {
		t.Error(err)
	}
}

// TestBrokerRestarted: the broker is killed twice and restarted, with its store or an empty one. The job is completed.
func TestBrokerRestarted(t *testing.T) {
	t.Parallel()
	for _, empty := range []bool{false, true} {
		t.Run(fmt.Sprint("empty store ", empty), func(t *testing.T) {
			address, store := freePort(t), t.TempDir()
			command, url := process(t, "broker", store+" "+address)
			w := newTestJob(t, 13, size, 1, 60, reconstruct.Options{BatchSize: 1})
			f := &fake{n: size, channels: 1, delay: 10 * time.Millisecond}
			for range 2 {
				start(t, url, f.worker())
			}
			c := connected(t, url)
			done := make(chan Summary, 1)
			go func() { defer close(done); done <- w.gather(t, c, 8) }()
			for _, after := range []int64{10, 30} {
				eventually(t, "batches are computed", func() bool { return f.ran.Load() >= after })
				kill(t, command)
				if empty {
					store = t.TempDir()
				}
				var again string
				if command, again = process(t, "broker", store+" "+address); again != url {
					t.Errorf("the broker says %s", again)
				}
			}
			t.Logf("%+v, %d batches computed", <-done, f.ran.Load())
		})
	}
}

// TestInterrupted: an interrupted job resumes with the stored outcomes, and nothing is computed twice.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	b := broker(t)
	w := newTestJob(t, 15, size, 1, 40, reconstruct.Options{BatchSize: 1})
	w.timing = patient
	f := &fake{n: size, channels: 1, timing: patient, delay: 5 * time.Millisecond}
	start(t, b.URL, f.worker())
	for _, after := range []int64{5, 20} {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			eventually(t, "batches are computed", func() bool { return f.ran.Load() >= after })
			cancel()
		}()
		if _, _, err := w.try(ctx, t, connected(t, b.URL), 4); !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted: %v", err)
		}
	}
	c := connected(t, b.URL)
	s := w.gather(t, c, 4)
	if s.Found < 20 || f.ran.Load() != int64(s.Batches) {
		t.Errorf("%+v, %d batches were computed", s, f.ran.Load())
	}
	checkNoMessages(t, c, f.ran.Load()-int64(s.Batches))
	// The same job once more is computed once more.
	if s := w.gather(t, c, 4); s.Found != 0 || f.ran.Load() != 2*int64(s.Batches) {
		t.Errorf("again: %+v, %d batches were computed", s, f.ran.Load())
	}
}

// TestTwoJobs: two jobs of two models, and two runs of one job, do not disturb each other.
func TestTwoJobs(t *testing.T) {
	t.Parallel()
	b := broker(t)
	f := &fake{n: size, channels: 1}
	for range 2 {
		start(t, b.URL, f.worker())
	}
	together := func(seeds ...uint64) {
		var group sync.WaitGroup
		for _, seed := range seeds {
			w := newTestJob(t, seed, size, 1, 30, reconstruct.Options{BatchSize: 2})
			c := connected(t, b.URL)
			group.Go(func() { w.gather(t, c, 6) })
		}
		group.Wait()
	}
	together(17, 23)
	checkNoMessages(t, connected(t, b.URL), f.ran.Load()-30)
	together(23, 23) // an outcome that one run asked for may come when the other has done all
}

// TestMalformedMessages: malformed tasks and outcomes are dropped and counted, and the job is done.
func TestMalformedMessages(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	w := newTestJob(t, 19, size, 1, 8, reconstruct.Options{BatchSize: 2})
	j := w.job(t, c)
	id := j.ID.String()
	if _, err := c.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	good := j.task(2, make([]float32, j.Size(2))).Encode()
	other := Outcome{Job: j.ID, Batch: 3, shape: shape{Samples: 1, Channels: 1, N: 2}, Provider: "x",
		First: make([]float32, 4), Second: make([]float32, 4)}
	for subject, data := range map[string][]byte{
		taskSubject(id, 0):                        []byte("poison"),
		taskSubject(id, 1):                        nil,
		taskSubject("a", 2):                       good, // of another job than it says
		taskPrefix + id + ".x":                    good,
		streams{}.outcomesOfJobs().subject(id, 1): []byte("poison"),
		streams{}.outcomesOfJobs().subject(id, 3): other.Encode(),
		streams{}.outcomesOfJobs().subject(id, 99): Outcome{Job: j.ID, Batch: 99, shape: j.shape(0),
			Failure: "no such batch"}.Encode(),
		outcomePrefix + id + ".anything": nil,
	} {
		if _, err := c.js.Publish(t.Context(), subject, data); err != nil {
			t.Fatal(err)
		}
	}
	f := &fake{n: size, channels: 1}
	done := make(chan Summary, 1)
	go func() { defer close(done); done <- w.gather(t, c, 8) }()
	eventually(t, "batches 2 and 3 are put out", func() bool { tasks, _ := countMessages(t, c); return tasks == 6 })
	worker := start(t, b.URL, f.worker()) // not before: it drops what stands in the others' places
	s := <-done
	if did := worker.end(); did.Malformed != 4 || did.Batches != 4 {
		t.Errorf("the worker did %+v", did)
	}
	if s.Malformed < 4 || s.Resent != 2 { // the places of batches 0 and 1 were taken
		t.Errorf("the job was done %+v", s)
	}
}

// TestFailures: an error of a worker is tried again. A permanent one fails the job with the worker's words and leaves
// nothing. Then the job can be done.
func TestFailures(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	w := newTestJob(t, 21, size, 1, 6, reconstruct.Options{BatchSize: 2})

	var errors atomic.Int64
	f := &fake{n: size, channels: 1, run: func() error {
		if errors.Add(1) <= 2 {
			return fmt.Errorf("no memory")
		}
		return nil
	}}
	worker := start(t, b.URL, f.worker())
	w.gather(t, c, 4)
	if did := worker.end(); did.Retried != 2 || did.Batches != 3 {
		t.Errorf("the worker did %+v", did)
	}

	for name, f := range map[string]*fake{
		"cannot compute": {n: size, channels: 1, run: func() error { return fmt.Errorf("no such operator") }},
		"cannot open": {n: size, channels: 1,
			open: func([]byte) error { return fmt.Errorf("no such operator") }},
		"is another network": {n: size / 2, channels: 1},
	} {
		worker := start(t, b.URL, f.worker())
		_, _, err := w.try(t.Context(), t, c, 1)
		want := "no such operator"
		if f.n != size {
			want = "[2 1 32 32]"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a worker that %s: %v", name, err)
		}
		if did := worker.end(); did.Failed != 1 || did.Retried != maxTries-1 {
			t.Errorf("a worker that %s did %+v", name, did)
		}
		f.idle(t)
		checkNoMessages(t, c, 0)
	}

	start(t, b.URL, (&fake{n: size, channels: 1}).worker())
	w.gather(t, c, 4)
}

// TestCrashingBatch: a task that was delivered again and again without an outcome fails its job. Whoever took it said
// nothing more, like a worker that the batch kills.
func TestCrashingBatch(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	f := &fake{n: size, channels: 1}
	o, ready := f.worker(), make(chan bool)
	o.Ready = func(string) error { close(ready); return nil }
	first := start(t, b.URL, o)
	<-ready // it has made the consumer
	first.end()
	w := newTestJob(t, 29, size, 1, 1, reconstruct.Options{BatchSize: 1})
	w.timing = patient // it must not send the task again
	done := make(chan error, 1)
	go func() {
		_, _, err := w.try(context.Background(), t, c, 1)
		done <- err
	}()
	consumer, err := c.js.Consumer(t.Context(), taskStream, workers)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 * maxTries {
		if _, err := consumer.Next(jetstream.FetchMaxWait(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	worker := start(t, b.URL, f.worker())
	if err := <-done; err == nil || !strings.Contains(err.Error(), "10 times a worker started the batch") {
		t.Errorf("a batch that kills: %v", err)
	}
	if did := worker.end(); did.Failed != 1 || f.ran.Load() != 0 {
		t.Errorf("the worker did %+v, %d batches computed", did, f.ran.Load())
	}
}

// TestModels: a given model is not fetched, another one is, and a model with a wrong digest is not used.
func TestModels(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	w := newTestJob(t, 25, size, 1, 4, reconstruct.Options{BatchSize: 2})
	j := w.job(t, c)
	s, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// Under the digest lies another model, of the same length.
	if _, err := s.models.PutBytes(t.Context(), j.Digest.String(), []byte("model x5")[:len(w.file)]); err != nil {
		t.Fatal(err)
	}
	f := &fake{n: size, channels: 1}
	worker := start(t, b.URL, f.worker())
	_, _, err = w.try(t.Context(), t, c, 4)
	if err == nil || !strings.Contains(err.Error(), "what is stored there is") {
		t.Errorf("a wrong model: %v", err)
	}
	worker.end()
	f.networks.Given = [][]byte{[]byte("not this one"), w.file}
	worker = start(t, b.URL, f.worker())
	w.gather(t, c, 4)
	worker.end()
	if err := s.models.Delete(t.Context(), j.Digest.String()); err != nil {
		t.Fatal(err)
	}
	f.networks.Given = nil
	start(t, b.URL, f.worker())
	w.gather(t, c, 4)
	if _, ok := f.models.Load(j.Digest.String()); !ok {
		t.Error("the model was not opened")
	}
}

// TestManyModels: a worker keeps few networks loaded, and computes with all.
func TestManyModels(t *testing.T) {
	t.Parallel()
	b := broker(t)
	f := &fake{n: size, channels: 1}
	worker := start(t, b.URL, f.worker())
	c := connected(t, b.URL)
	for _, seed := range []uint64{31, 32, 33, 31} {
		newTestJob(t, seed, size, 1, 5, reconstruct.Options{BatchSize: 2}).gather(t, c, 4)
		if opened := f.opened.Load(); opened > cachedNetworks {
			t.Errorf("%d networks are ready", opened)
		}
	}
	worker.end()
	f.idle(t)
}

// TestJobs: everything that changes the outcomes changes the job's id, and nothing else does.
func TestJobs(t *testing.T) {
	t.Parallel()
	c := connected(t, broker(t).URL)
	base := testJob{scan: scanOf(t, 1, size, 9), model: model(size, 1), file: []byte("model"),
		opt: reconstruct.Options{BatchSize: 4}}
	id := base.job(t, c).ID
	same := base
	same.scan = scanOf(t, 1, size, 9) // another file
	if same.job(t, c).ID != id {
		t.Error("the same scan in another file is another job")
	}
	seen := map[Digest]string{id: "base"}
	for name, change := range map[string]func(*testJob){
		"scan":  func(w *testJob) { w.scan = scanOf(t, 2, size, 9) },
		"model": func(w *testJob) { w.file = []byte("other") },
		"batch": func(w *testJob) { w.opt.BatchSize = 3 },
		"count": func(w *testJob) { w.opt.Count = 5 },
		"seed":  func(w *testJob) { w.opt.Seed = 5 },
	} {
		w := base
		change(&w)
		if j := w.job(t, c); seen[j.ID] != "" {
			t.Errorf("%s and %s are the same job", name, seen[j.ID])
		} else {
			seen[j.ID] = name
		}
	}
}

// TestStartingOrder: a worker may start before its broker, and a job before its workers.
func TestStartingOrder(t *testing.T) {
	t.Parallel()
	address := freePort(t)
	f := &fake{n: size, channels: 1}
	o := f.worker()
	ready := make(chan string, 1)
	o.Ready = func(where string) error { ready <- where; return nil }
	worker := start(t, "nats://"+address, o)
	b := brokerAt(t, t.TempDir(), address)
	t.Cleanup(b.Close)
	if where := <-ready; where != "nats://"+address {
		t.Errorf("ready at %s", where)
	}
	worker.end()

	w := newTestJob(t, 27, size, 1, 4, reconstruct.Options{BatchSize: 2})
	c := connected(t, b.URL)
	var log syncBuffer
	job := w.job(t, c)
	done := make(chan error)
	go func() {
		_, _, err := Gather(context.Background(), c, job,
			GatherOptions{InFlight: 4, Timing: quick, Log: slog.New(slog.NewTextHandler(&log, nil))})
		done <- err
	}()
	eventually(t, "it says that there is no worker",
		func() bool { return strings.Contains(log.String(), "waiting for a worker") })
	start(t, b.URL, f.worker())
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "waiting for a worker"); n != 1 {
		t.Errorf("it says so %d times", n)
	}
}

// TestRefusals: invalid scans and options give the errors of one machine.
func TestRefusals(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	start(t, b.URL, (&fake{n: size, channels: 1}).worker())
	w := testJob{scan: scanOf(t, 1, size, 4), model: model(size, 1), file: []byte("model")}
	for name, check := range map[string]func() error{
		"another size": func() error {
			_, err := NewJob(c, w.scan, w.file, model(32, 1), reconstruct.Options{BatchSize: 1})
			return err
		},
		"no batch": func() error { _, err := NewJob(c, w.scan, w.file, w.model, reconstruct.Options{}); return err },
		"none in flight": func() error {
			_, _, err := Gather(t.Context(), c, w.job(t, c), GatherOptions{})
			return err
		},
		"more in flight than any memory": func() error {
			_, _, err := Gather(t.Context(), c, w.job(t, c), GatherOptions{InFlight: 1 << 62})
			return err
		},
	} {
		if strings.HasSuffix(name, "in flight") || strings.HasSuffix(name, "any memory") {
			w.opt.BatchSize = 1
		}
		err := check()
		if bad := (*badinput.Error)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
