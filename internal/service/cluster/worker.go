package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// WorkerOptions configure a worker.
type WorkerOptions struct {
	Networks Networks
	// OpenTraining prepares the shards of a training from its plan; nil: the worker computes none.
	OpenTraining func(ctx context.Context, plan []byte) (Shards, error)
	Timing       Timing
	Grace        time.Duration            // for storing computed outcomes at the end; 0: 30 s
	Ready        func(where string) error // called once, when the worker waits for tasks; nil: nobody
	Log          *slog.Logger
}

// Tally counts what a worker has done.
type Tally struct {
	Batches, Patterns int // computed and stored
	Shards            int // of trainings, computed and stored
	Repeated          int // tasks that already had an outcome
	Retried           int // tasks returned after an error
	Failed            int // tasks whose failure was stored
	Malformed         int // messages that are no tasks
}

// maxTries is how often workers try a task before its job learns that it failed.
const maxTries = 5

// worker holds at most three tasks: one received, one in the network, one whose outcome is being stored.
type worker struct {
	streams
	options   WorkerOptions
	networks  *networks
	trainings *trainings
	held      heldTasks

	mu    sync.Mutex
	tally Tally
}

// delivery is a task as it was delivered to a worker.
type delivery struct {
	msg       jetstream.Msg
	task      order
	id        string // message id with which the job sent the task; may be empty
	sequence  uint64 // of the message in the stream
	number    int    // counts the deliveries of the task from 1, without those that were given back
	givenBack bool   // another worker gave the task back
	result    result
}

// Work takes tasks until ctx is done. Then it finishes the batch in the network, returns the other tasks to the broker,
// and returns nil. It waits for a broker that is not there. It returns only permanent errors.
func Work(ctx context.Context, a Address, o WorkerOptions) (Tally, error) {
	o.Timing = o.Timing.withDefaults(o.Log)
	o.Grace = cmp.Or(o.Grace, 30*time.Second)
	c, err := connectEventually(ctx, a, o)
	if c == nil {
		return Tally{}, err
	}
	defer c.Close()
	w := &worker{
		options: o, networks: newNetworks(o.Networks), trainings: &trainings{open: o.OpenTraining},
		held: heldTasks{msgs: map[jetstream.Msg]bool{}},
	}
	open := func(ctx context.Context) (err error) { w.streams, err = c.open(ctx); return c.explain(err) }
	if err := retry(ctx, o.Timing, open); err != nil {
		return Tally{}, unlessDone(ctx, err)
	}
	err = w.run(ctx)
	return w.tally, errors.Join(err, w.networks.close(), w.trainings.close())
}

// connectEventually connects as soon as the broker is there. It returns nil and nil if ctx is done before.
func connectEventually(ctx context.Context, a Address, o WorkerOptions) (*Connection, error) {
	for logged := false; ; logged = true {
		c, err := Connect(a, o.Log)
		if !errors.Is(err, ErrNoBroker) {
			return c, err
		}
		if !logged {
			o.Log.Warn("waiting for a broker", "error", err)
		}
		if pause(ctx, o.Timing.MaxPause); ctx.Err() != nil {
			return nil, nil
		}
	}
}

// unlessDone returns err, or nil if ctx is done.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// run receives, computes and stores at the same time.
func (w *worker) run(ctx context.Context) error {
	// Storing goes on for the grace after ctx is done.
	storing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(w.options.Grace, cancel) })()

	received, computed := make(chan *delivery), make(chan *delivery)
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(received); return unlessDone(ctx, w.receiveAll(running, received)) })
	g.Go(func() error { defer close(computed); w.computeAll(running, received, computed); return nil })
	g.Go(func() error { w.storeAll(storing, computed); return nil })

	stop := make(chan struct{})
	var progress sync.WaitGroup
	progress.Go(func() { w.held.sendProgress(w.options.Timing.AckWait/3, stop) })
	err := g.Wait()
	close(stop)
	progress.Wait()
	return err
}

// receiveAll requests tasks one at a time and passes them on.
func (w *worker) receiveAll(ctx context.Context, received chan<- *delivery) error {
	var consumer jetstream.Consumer
	subscribe := func(ctx context.Context) (err error) { consumer, err = w.subscribe(ctx); return err }
	for ctx.Err() == nil {
		if consumer == nil {
			if err := retry(ctx, w.options.Timing, subscribe); err != nil {
				return fmt.Errorf("requesting tasks: %w", err)
			}
			if err := w.ready(); err != nil {
				return err
			}
		}
		err := w.fetch(ctx, consumer, 1, w.options.Timing.Request, func(msg jetstream.Msg) error {
			w.held.add(msg)
			if d := w.decode(msg); d != nil {
				select {
				case received <- d:
				case <-ctx.Done():
					w.giveBack(d)
				}
			}
			return nil
		})
		switch {
		case err == nil:
		case isMissing(err):
			consumer = nil
			fallthrough
		case isTransient(err):
			pause(ctx, w.options.Timing.MaxPause)
		default:
			return fmt.Errorf("requesting tasks: %w", err)
		}
	}
	return ctx.Err()
}

// ready calls options.Ready the first time.
func (w *worker) ready() error {
	tell := w.options.Ready
	w.options.Ready = nil
	if tell == nil {
		return nil
	}
	return tell(w.connection.name)
}

// subscribe creates the consumer that all workers share, or finds it. It opens the streams again, because the broker
// may have lost its store.
func (w *worker) subscribe(ctx context.Context) (jetstream.Consumer, error) {
	s, err := w.connection.open(ctx)
	if err != nil {
		return nil, err
	}
	return s.tasks.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: workers, AckPolicy: jetstream.AckExplicitPolicy, AckWait: w.options.Timing.AckWait,
		MaxAckPending: maxPending, MaxDeliver: -1,
	})
}

// decode reads a task. A malformed message is dropped for good, and decode returns nil.
func (w *worker) decode(msg jetstream.Msg) *delivery {
	task, err := decodeOrder(msg.Data())
	if err == nil {
		if job, batch := task.place(); msg.Subject() != taskSubject(job.String(), batch) {
			err = fmt.Errorf("%w: it names batch %d of job %s", errMalformed, batch, job)
		}
	}
	if err != nil {
		w.options.Log.Warn("dropping a message that is no task", "subject", msg.Subject(), "error", err)
		w.count(func(t *Tally) { t.Malformed++ })
		w.held.release(msg, func() error { return msg.TermWithReason(err.Error()) })
		return nil
	}
	d := &delivery{msg: msg, task: task}
	d.setDelivery()
	return d
}

// retryLater lets any worker try a task again after an error.
func (w *worker) retryLater(d *delivery, problem string, err error) {
	job, batch := d.task.place()
	w.options.Log.Warn(problem, "batch", batch, "job", job, "try", d.number, "error", err)
	w.count(func(t *Tally) { t.Retried++ })
	w.held.release(d.msg, func() error { return d.msg.NakWithDelay(w.options.Timing.MaxPause) })
}

func (w *worker) count(change func(*Tally)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.tally)
}

// computeAll runs the network on tasks. Tasks that have not started when ctx is done are given back.
func (w *worker) computeAll(ctx context.Context, received <-chan *delivery, computed chan<- *delivery) {
	for d := range received {
		switch {
		case ctx.Err() != nil:
			w.giveBack(d)
		case (d.number > 1 || d.givenBack) && w.isStored(ctx, d.task):
			w.count(func(t *Tally) { t.Repeated++ })
			w.held.release(d.msg, d.msg.Ack)
		case w.compute(ctx, d):
			computed <- d
		}
	}
}

// compute sets the result of a task and reports whether it should be stored.
func (w *worker) compute(ctx context.Context, d *delivery) bool {
	if d.number > 2*maxTries {
		d.result = d.task.failed(fmt.Sprintf("%d times a worker started the batch and did not finish", d.number-1))
		return true
	}
	var err error
	d.result, err = d.task.compute(ctx, w)
	switch {
	case err == nil:
		return true
	case ctx.Err() != nil:
		w.giveBack(d)
		return false
	case errors.Is(err, errObsolete):
		w.held.release(d.msg, d.msg.Ack)
		return false
	case d.number >= maxTries:
		d.result = d.task.failed(err.Error())
		return true
	}
	w.retryLater(d, "a batch failed here and will be tried again", err)
	return false
}

func (w *worker) runNetwork(ctx context.Context, t Task, o *Outcome) error {
	n, err := w.networks.get(t.Model, func() ([]byte, error) { return w.fetchModel(ctx, t.Model) })
	if err != nil {
		return err
	}
	o.Provider = n.predictor.Provider()
	return n.compute(t, o)
}

// fetchModel fetches a model or a plan, and waits for a broker that is not there.
func (w *worker) fetchModel(ctx context.Context, digest Digest) (data []byte, err error) {
	// longer than one request
	get := func(context.Context) (err error) { data, err = w.getModel(ctx, digest); return err }
	err = retry(ctx, w.options.Timing, get)
	return data, err
}

// isStored reports whether a task has its result: its worker could store it, but not acknowledge the task.
func (w *worker) isStored(ctx context.Context, t order) bool {
	job, batch := t.place()
	stored := t.results(w.streams)
	msg, err := stored.GetLastMsgForSubject(ctx, stored.subject(job.String(), batch))
	return err == nil && t.isResult(msg.Data)
}

// storeAll stores results, and then acknowledges their tasks.
func (w *worker) storeAll(ctx context.Context, computed <-chan *delivery) {
	for d := range computed {
		if err := w.store(ctx, d); err != nil {
			w.retryLater(d, "an outcome could not be stored; the batch will be tried again", err)
			continue
		}
		w.acknowledge(ctx, d)
		w.count(func(t *Tally) {
			if d.result.failure() != "" {
				t.Failed++
				return
			}
			d.task.count(t)
		})
		job, batch := d.task.place()
		w.options.Log.Debug("stored", "batch", batch, "job", job, "delivery", d.number, "failure", d.result.failure())
	}
}

// acknowledge waits for the broker's answer for a while. Without one, the task is delivered again.
func (w *worker) acknowledge(ctx context.Context, d *delivery) {
	ctx, cancel := context.WithTimeout(ctx, w.options.Timing.Request)
	defer cancel()
	w.held.release(d.msg, func() error { return d.msg.DoubleAck(ctx) })
}

// store stores the parts of a result under the message id of the task, by which the broker recognizes a second one.
// The last part has the subject of the result.
func (w *worker) store(ctx context.Context, d *delivery) error {
	job, batch := d.task.place()
	parts := d.result.parts(w.connection.messageLimit())
	for i, data := range parts {
		id, subject := d.id, d.task.results(w.streams).subject(job.String(), batch)
		if i < len(parts)-1 {
			id, subject = fmt.Sprintf("%s-%d", d.id, i), fmt.Sprintf("%s-%d", subject, i)
		}
		var options []jetstream.PublishOpt
		if d.id != "" && d.result.failure() == "" {
			options = append(options, jetstream.WithMsgID(id))
		}
		if err := retry(ctx, w.options.Timing, func(ctx context.Context) error {
			_, err := w.js.Publish(ctx, subject, data, options...)
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}
