package cluster

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"ptyx/internal/recon/reconstruct"
)

// stopDuringABatch starts a worker and stops it while its network computes a batch, which then ends with an error.
func stopDuringABatch(t *testing.T, url string, then error) Tally {
	t.Helper()
	began, proceed := make(chan bool, 1), make(chan bool)
	f := &fake{n: size, channels: 1, timing: patient, run: func() error {
		began <- true
		<-proceed
		return then
	}}
	worker := start(t, url, f.worker())
	select {
	case <-began:
	case <-time.After(20 * time.Second):
		close(proceed)
		t.Fatalf("the worker computes nothing and did %+v", worker.end())
	}
	worker.stop()
	close(proceed)
	return worker.end()
}

// TestRollingRestarts: a batch that many workers gave back in order, when they were stopped, is computed in the end.
// One restart costs no try, whatever the number of restarts.
func TestRollingRestarts(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	w := newTestJob(t, 31, size, 1, 2, reconstruct.Options{BatchSize: 1})
	w.timing = patient
	done := make(chan Summary, 1)
	go func() { defer close(done); done <- w.gather(t, c, 2) }()
	for i := range 30 {
		did := stopDuringABatch(t, b.URL, errors.New("the worker was stopped"))
		if did != (Tally{}) {
			t.Fatalf("worker %d did %+v", i, did)
		}
	}
	f := &fake{n: size, channels: 1, timing: patient}
	worker := start(t, b.URL, f.worker())
	s := <-done
	if did := worker.end(); did.Batches != 2 || did.Failed != 0 || s.Repeated != 0 || s.Resent != 0 {
		t.Errorf("the worker did %+v, the job was done %+v", did, s)
	}
	checkNoMessages(t, c, 0)
}

// TestGivingBack: a task that is given back keeps its tries and its message id, and the second worker's outcome counts
// as the first's. A task that its job has removed does not come back.
func TestGivingBack(t *testing.T) {
	t.Parallel()
	b := broker(t)
	c := connected(t, b.URL)
	streams, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w := &worker{streams: streams, options: (&fake{timing: quick}).worker(),
		held: heldTasks{msgs: map[jetstream.Msg]bool{}}}
	consumer, err := w.subscribe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	next := func() *delivery {
		t.Helper()
		msg, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		d := w.decode(msg)
		if d == nil {
			t.Fatal("a malformed task")
		}
		return d
	}
	task := exampleTask()
	subject := taskSubject(task.Job.String(), task.Batch)
	if _, err := c.js.Publish(t.Context(), subject, task.Encode(), jetstream.WithMsgID("mine")); err != nil {
		t.Fatal(err)
	}
	next() // and is lost
	d := next()
	for i := range 3 {
		if d.number != 2 || d.id != "mine" || d.givenBack != (i > 0) {
			t.Errorf("given back %d times: delivery %d of %q, given back: %v", i, d.number, d.id, d.givenBack)
		}
		w.giveBack(d)
		if d = next(); len(d.task.(Task).Patterns) != len(task.Patterns) {
			t.Errorf("given back %d times: %d values", i+1, len(d.task.(Task).Patterns))
		}
	}
	if d = next(); d.number != 3 { // lost again
		t.Errorf("after another loss: delivery %d", d.number)
	}
	if err := streams.tasks.Purge(t.Context(), jetstream.WithPurgeSubject(subject)); err != nil {
		t.Fatal(err)
	}
	w.giveBack(d)
	if tasks, _ := countMessages(t, c); tasks != 0 {
		t.Error("a task that its job had removed came back")
	}
}
