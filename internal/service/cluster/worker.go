package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// WorkerOptions say what a worker works with.
type WorkerOptions struct {
	Networks Networks
	Timing   Timing
	Grace    time.Duration            // for storing what is computed, once the worker is told to end; 0: 30 s
	Ready    func(where string) error // is told where tasks are waited for; nil: nobody
	Log      *slog.Logger
}

// Tally is what a worker has done.
type Tally struct {
	Batches, Patterns int // computed and stored
	Repeated          int // tasks whose outcome was there already
	Again             int // tasks given back after an error, to be tried again
	Failed            int // tasks given up, their jobs told why
	Malformed         int // messages that are no tasks
}

// attempts is how often a task is tried, by whichever worker, before its job is told that it fails.
const attempts = 5

// worker is one at work. It holds three tasks at most: one that has come, one in the network, one whose outcome is being stored.
type worker struct {
	streams
	options  WorkerOptions
	networks *networks
	holding  holding

	mu    sync.Mutex
	tally Tally
}

// held is a task that a worker holds.
type held struct {
	msg     jetstream.Msg
	task    Task
	begun   int // times that it was delivered, this one included
	outcome Outcome
}

// Work takes tasks until ctx is done, then finishes what is in the network and returns nil; tasks that have not begun go back at once. It waits for
// a broker that is not there. An error is of what will not pass by itself.
func Work(ctx context.Context, a Address, o WorkerOptions) (Tally, error) {
	o.Timing = o.Timing.usual(o.Log)
	if o.Grace == 0 {
		o.Grace = 30 * time.Second
	}
	c, err := awaited(ctx, a, o)
	if c == nil {
		return Tally{}, err
	}
	defer c.Close()
	w := &worker{options: o, networks: newNetworks(o.Networks)}
	if err := persist(ctx, o.Timing, func(ctx context.Context) (err error) { w.streams, err = c.open(ctx); return c.explain(err) }); err != nil {
		return Tally{}, unlessDone(ctx, err)
	}
	err = w.run(ctx)
	return w.tally, errors.Join(err, w.networks.close())
}

// awaited connects, once somebody is there. It returns nil and nil when ctx is done before.
func awaited(ctx context.Context, a Address, o WorkerOptions) (*Connection, error) {
	for told := false; ; told = true {
		c, err := Connect(a, o.Log)
		if !errors.Is(err, ErrNobody) {
			return c, err
		}
		if !told {
			o.Log.Warn("waiting for a broker", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-time.After(o.Timing.Pause):
		}
	}
}

// unlessDone is err, unless that is only because ctx is done.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (w *worker) run(ctx context.Context) error {
	// What is computed is stored, too, when the worker ends, and the broker is given some time for it.
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(w.options.Grace, cancel) })()

	taken, computed := make(chan *held), make(chan *held)
	g, running := errgroup.WithContext(ctx)
	g.Go(func() error { defer close(taken); return unlessDone(ctx, w.take(running, taken)) })
	g.Go(func() error { defer close(computed); w.compute(running, taken, computed); return nil })
	g.Go(func() error { return w.store(last, computed) })

	beating, still := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(still)
		w.holding.beat(w.options.Timing.AckWait/3, beating)
	}()
	err := g.Wait()
	close(beating)
	<-still
	return err
}

// take asks for tasks, one at a time, and hands them on.
func (w *worker) take(ctx context.Context, taken chan<- *held) error {
	var consumer jetstream.Consumer
	for ctx.Err() == nil {
		if consumer == nil {
			if err := persist(ctx, w.options.Timing, func(ctx context.Context) (err error) { consumer, err = w.consumer(ctx); return err }); err != nil {
				return fmt.Errorf("asking for tasks: %w", err)
			}
			if err := w.ready(); err != nil {
				return err
			}
		}
		err := w.pull(ctx, consumer, 1, w.options.Timing.Pull, func(msg jetstream.Msg) error {
			w.holding.add(msg)
			if h := w.accept(msg); h != nil {
				select {
				case taken <- h:
				case <-ctx.Done():
					w.giveBack(h, 0)
				}
			}
			return nil
		})
		switch {
		case err == nil:
		case gone(err):
			consumer = nil
			fallthrough
		case passing(err):
			rest(ctx, w.options.Timing.Pause)
		default:
			return fmt.Errorf("asking for tasks: %w", err)
		}
	}
	return ctx.Err()
}

// ready tells once where tasks are waited for.
func (w *worker) ready() error {
	tell := w.options.Ready
	w.options.Ready = nil
	if tell == nil {
		return nil
	}
	return tell(w.connection.name)
}

// consumer makes the one that all workers share, or finds it.
func (w *worker) consumer(ctx context.Context) (jetstream.Consumer, error) {
	s, err := w.connection.open(ctx) // anew: the broker may have an empty store
	if err != nil {
		return nil, err
	}
	return s.tasks.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: workers, AckPolicy: jetstream.AckExplicitPolicy, AckWait: w.options.Timing.AckWait, MaxAckPending: mostPending, MaxDeliver: -1,
	})
}

// accept understands a task. What is none is never delivered again.
func (w *worker) accept(msg jetstream.Msg) *held {
	task, err := DecodeTask(msg.Data())
	if err == nil && msg.Subject() != taskSubject(task.Job.String(), task.Batch) {
		err = fmt.Errorf("%w: it says that it is batch %d of job %s", errMalformed, task.Batch, task.Job)
	}
	if err != nil {
		w.options.Log.Warn("a message that is no task is dropped", "subject", msg.Subject(), "error", err)
		w.count(func(t *Tally) { t.Malformed++ })
		w.holding.release(msg, func() error { return msg.TermWithReason(err.Error()) })
		return nil
	}
	h := &held{msg: msg, task: task, begun: 1}
	if m, err := msg.Metadata(); err == nil {
		h.begun = int(m.NumDelivered)
	}
	return h
}

// giveBack lets another worker have a task, after a delay.
func (w *worker) giveBack(h *held, delay time.Duration) {
	w.holding.release(h.msg, func() error { return h.msg.NakWithDelay(delay) })
}

func (w *worker) count(change func(*Tally)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.tally)
}

// compute runs the network on tasks. Those that have not begun when ctx is done go back.
func (w *worker) compute(ctx context.Context, taken <-chan *held, computed chan<- *held) {
	for h := range taken {
		switch {
		case ctx.Err() != nil:
			w.giveBack(h, 0)
		case h.begun > 1 && w.isStored(ctx, h.task):
			w.count(func(t *Tally) { t.Repeated++ })
			w.holding.release(h.msg, h.msg.Ack)
		case w.outcome(ctx, h):
			computed <- h
		}
	}
}

// outcome computes the outcome of a task, and tells whether there is one to be stored.
func (w *worker) outcome(ctx context.Context, h *held) bool {
	t := h.task
	h.outcome = Outcome{Job: t.Job, Batch: t.Batch, shape: t.shape}
	if h.begun > 2*attempts {
		h.outcome.Failure = fmt.Sprintf("%d times a worker began with the batch, and none came back", h.begun-1)
		return true
	}
	provider, amplitude, phase, err := w.predict(ctx, t)
	switch {
	case err == nil:
		h.outcome.Provider, h.outcome.Amplitude, h.outcome.Phase = provider, amplitude, phase
		return true
	case ctx.Err() != nil:
		w.giveBack(h, 0)
		return false
	case h.begun >= attempts:
		h.outcome.Failure = err.Error()
		return true
	}
	w.options.Log.Warn("a batch failed here and is left to another try", "batch", t.Batch, "job", t.Job, "try", h.begun, "error", err)
	w.count(func(t *Tally) { t.Again++ })
	w.giveBack(h, w.options.Timing.Pause)
	return false
}

func (w *worker) predict(ctx context.Context, t Task) (provider string, amplitude, phase []float32, err error) {
	n, err := w.networks.of(t.Model, func() (model []byte, err error) {
		err = persist(ctx, w.options.Timing, func(context.Context) (err error) { model, err = w.getModel(ctx, t.Model); return err }) // in its own time
		return model, err
	})
	if err != nil {
		return "", nil, nil, err
	}
	amplitude, phase, err = n.run(t.shape, t.Patterns)
	return n.predictor.Provider(), amplitude, phase, err
}

// isStored tells whether the outcome of a task is there: then its worker could not say so any more.
func (w *worker) isStored(ctx context.Context, t Task) bool {
	msg, err := w.outcomes.GetLastMsgForSubject(ctx, outcomeSubject(t.Job.String(), t.Batch))
	if err != nil {
		return false
	}
	o, err := DecodeOutcome(msg.Data)
	return err == nil && o.Failure == "" && o.shape == t.shape
}

// store stores outcomes and only then acknowledges their tasks.
func (w *worker) store(ctx context.Context, computed <-chan *held) error {
	for h := range computed {
		if err := w.keep(ctx, h); err != nil {
			w.options.Log.Warn("an outcome could not be stored; the task is left to another try", "batch", h.task.Batch, "job", h.task.Job, "error", err)
			w.count(func(t *Tally) { t.Again++ })
			w.giveBack(h, w.options.Timing.Pause)
			continue
		}
		w.acknowledge(ctx, h)
		w.count(func(t *Tally) {
			if h.outcome.Failure != "" {
				t.Failed++
				return
			}
			t.Batches++
			t.Patterns += h.task.Samples * h.task.Channels
		})
		w.options.Log.Debug("stored", "batch", h.task.Batch, "job", h.task.Job, "delivery", h.begun, "failure", h.outcome.Failure)
	}
	return nil
}

// acknowledge waits until the broker has heard it, for a while: what it has not heard comes again.
func (w *worker) acknowledge(ctx context.Context, h *held) {
	ctx, cancel := context.WithTimeout(ctx, w.options.Timing.Pull)
	defer cancel()
	w.holding.release(h.msg, func() error { return h.msg.DoubleAck(ctx) })
}

// keep stores an outcome. The broker knows a second one of the same task by its id, which is that of the task as it was put out.
func (w *worker) keep(ctx context.Context, h *held) error {
	var options []jetstream.PublishOpt
	if id := h.msg.Headers().Get(nats.MsgIdHdr); id != "" && h.outcome.Failure == "" {
		options = append(options, jetstream.WithMsgID(id))
	}
	subject, data := outcomeSubject(h.task.Job.String(), h.task.Batch), h.outcome.Encode()
	return persist(ctx, w.options.Timing, func(ctx context.Context) error {
		_, err := w.js.Publish(ctx, subject, data, options...)
		return err
	})
}

// pull asks for messages and hands each on as it comes, until there were most, handle fails, some time is over or the connection breaks.
func (s streams) pull(ctx context.Context, c jetstream.Consumer, most int, wait time.Duration, handle func(jetstream.Msg) error) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return s.connection.whole(ctx, func(ctx context.Context) error {
		batch, err := c.Fetch(most, jetstream.FetchContext(ctx))
		if err != nil {
			return err
		}
		for msg := range batch.Messages() {
			if err := handle(msg); err != nil {
				return err
			}
		}
		if err := batch.Error(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	})
}

// gone tells whether an error is of a consumer or stream that is no longer there.
func gone(err error) bool {
	for _, e := range []error{jetstream.ErrConsumerNotFound, jetstream.ErrConsumerDeleted, jetstream.ErrConsumerDoesNotExist, jetstream.ErrStreamNotFound, nats.ErrNoResponders} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// rest waits for a moment.
func rest(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}
