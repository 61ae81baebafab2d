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
	Timing   Timing
	Grace    time.Duration            // for storing computed outcomes at the end; 0: 30 s
	Ready    func(where string) error // called once, when the worker waits for tasks; nil: nobody
	Log      *slog.Logger
}

// Tally counts what a worker has done.
type Tally struct {
	Batches, Patterns int // computed and stored
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
	options  WorkerOptions
	networks *networks
	held     heldTasks

	mu    sync.Mutex
	tally Tally
}

// delivery is a task as it was delivered to a worker.
type delivery struct {
	msg       jetstream.Msg
	task      Task
	id        string // message id with which the job sent the task; may be empty
	sequence  uint64 // of the message in the stream
	number    int    // counts the deliveries of the task from 1, without those that were given back
	givenBack bool   // another worker gave the task back
	outcome   Outcome
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
	w := &worker{options: o, networks: newNetworks(o.Networks), held: heldTasks{msgs: map[jetstream.Msg]bool{}}}
	open := func(ctx context.Context) (err error) { w.streams, err = c.open(ctx); return c.explain(err) }
	if err := retry(ctx, o.Timing, open); err != nil {
		return Tally{}, unlessDone(ctx, err)
	}
	err = w.run(ctx)
	return w.tally, errors.Join(err, w.networks.close())
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
	task, err := DecodeTask(msg.Data())
	if err == nil && msg.Subject() != taskSubject(task.Job.String(), task.Batch) {
		err = fmt.Errorf("%w: it names batch %d of job %s", errMalformed, task.Batch, task.Job)
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
	w.options.Log.Warn(problem, "batch", d.task.Batch, "job", d.task.Job, "try", d.number, "error", err)
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

// compute sets the outcome of a task and reports whether it should be stored.
func (w *worker) compute(ctx context.Context, d *delivery) bool {
	t := d.task
	d.outcome = Outcome{Job: t.Job, Batch: t.Batch, shape: t.shape}
	if d.number > 2*maxTries {
		d.outcome.Failure = fmt.Sprintf("%d times a worker started the batch and did not finish", d.number-1)
		return true
	}
	err := w.runNetwork(ctx, t, &d.outcome)
	switch {
	case err == nil:
		return true
	case ctx.Err() != nil:
		w.giveBack(d)
		return false
	case d.number >= maxTries:
		d.outcome.Failure = err.Error()
		return true
	}
	w.retryLater(d, "a batch failed here and will be tried again", err)
	return false
}

func (w *worker) runNetwork(ctx context.Context, t Task, o *Outcome) error {
	n, err := w.networks.get(t.Model, func() (model []byte, err error) {
		// longer than one request
		get := func(context.Context) (err error) { model, err = w.getModel(ctx, t.Model); return err }
		err = retry(ctx, w.options.Timing, get)
		return model, err
	})
	if err != nil {
		return err
	}
	o.Provider = n.predictor.Provider()
	return n.compute(t, o)
}

// isStored reports whether a task has an outcome: its worker could store it, but not acknowledge the task.
func (w *worker) isStored(ctx context.Context, t Task) bool {
	msg, err := w.outcomes.GetLastMsgForSubject(ctx, outcomeSubject(t.Job.String(), t.Batch))
	if err != nil {
		return false
	}
	o, err := DecodeOutcome(msg.Data)
	return err == nil && o.Failure == "" && o.shape == t.shape
}

// storeAll stores outcomes, and then acknowledges their tasks.
func (w *worker) storeAll(ctx context.Context, computed <-chan *delivery) {
	for d := range computed {
		if err := w.store(ctx, d); err != nil {
			w.retryLater(d, "an outcome could not be stored; the batch will be tried again", err)
			continue
		}
		w.acknowledge(ctx, d)
		w.count(func(t *Tally) {
			if d.outcome.Failure != "" {
				t.Failed++
				return
			}
			t.Batches++
			t.Patterns += d.task.Samples * d.task.Channels
		})
		w.options.Log.Debug("stored", "batch", d.task.Batch, "job", d.task.Job, "delivery", d.number, "failure",
			d.outcome.Failure)
	}
}

// acknowledge waits for the broker's answer for a while. Without one, the task is delivered again.
func (w *worker) acknowledge(ctx context.Context, d *delivery) {
	ctx, cancel := context.WithTimeout(ctx, w.options.Timing.Request)
	defer cancel()
	w.held.release(d.msg, func() error { return d.msg.DoubleAck(ctx) })
}

// store stores an outcome under the message id of its task, by which the broker recognizes a second one.
func (w *worker) store(ctx context.Context, d *delivery) error {
	var options []jetstream.PublishOpt
	if d.id != "" && d.outcome.Failure == "" {
		options = append(options, jetstream.WithMsgID(d.id))
	}
	subject, data := outcomeSubject(d.task.Job.String(), d.task.Batch), d.outcome.Encode()
	return retry(ctx, w.options.Timing, func(ctx context.Context) error {
		_, err := w.js.Publish(ctx, subject, data, options...)
		return err
	})
}
