package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"
)

// exchange sends the tasks of one job to the broker and receives their outcomes. It restores what the broker loses: a
// task, a model, or the consumer of the outcomes. A Gatherer or Caller embeds it and handles the outcomes.
type exchange struct {
	streams
	id       Digest            // of the job
	models   map[Digest][]byte // that the tasks need: the files of networks, or the plan of a training
	timing   Timing
	log      *slog.Logger
	run      string // distinguishes the messages of this run from those of others
	consumer jetstream.Consumer

	results func() results                                     // the store of the results
	handle  func(data []byte) error                            // takes a result; errMalformed: it is none of this job
	receive func(ctx context.Context, msg jetstream.Msg) error // takes a message with an outcome and acknowledges it
	restore func(ctx context.Context) error                    // stores what the tasks need beside models; nil: nothing

	mu              sync.Mutex
	waiting         map[int]*sentTask // by batch
	sent            int               // tasks, for their message ids
	cancelled       bool              // a batch was cancelled since workers were looked for
	warnedNoWorkers bool
	summary         Summary
}

// sentTask is a task without an outcome.
type sentTask struct {
	encode func() []byte
	seen   time.Time // when it was sent, or last seen at the broker
}

// fetchedAtOnce is how many outcomes one request fetches.
const fetchedAtOnce = 8

func newExchange(c *Connection, job Digest, models map[Digest][]byte, timing Timing, log *slog.Logger) *exchange {
	x := &exchange{
		streams: streams{connection: c}, id: job, models: models, timing: timing.withDefaults(log), log: log,
		run: nuid.Next(), waiting: map[int]*sentTask{},
	}
	x.results = func() results { return x.outcomesOfJobs() }
	return x
}

// retry is retry with the exchange's timing. what is the beginning of an error.
func (x *exchange) retry(ctx context.Context, what string, try func(ctx context.Context) error) error {
	if err := retry(ctx, x.timing, try); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// begin opens the streams, stores the models and creates the consumer. A broker that disappears meanwhile is waited
// for.
func (x *exchange) begin(ctx context.Context) error {
	open := func(ctx context.Context) (err error) {
		x.streams, err = x.connection.open(ctx)
		return x.connection.explain(err)
	}
	if err := retry(ctx, x.timing, open); err != nil {
		return err
	}
	if err := x.retryPutModels(ctx); err != nil {
		return err
	}
	return x.retry(ctx, "requesting outcomes", x.subscribe)
}

func (x *exchange) putModels(ctx context.Context) error {
	for digest, model := range x.models {
		if err := x.putModel(ctx, digest, model); err != nil {
			return err
		}
	}
	return nil
}

// retryPutModels stores the models. A try takes longer than the timeout of a request.
func (x *exchange) retryPutModels(ctx context.Context) error {
	return x.retry(ctx, "storing the models", func(context.Context) error { return x.putModels(ctx) })
}

func (x *exchange) consumerName() string { return "gatherer-" + x.run }

// subscribe creates the consumer of the job's outcomes. The broker forgets it when nobody fetches for a minute.
func (x *exchange) subscribe(ctx context.Context) (err error) {
	x.consumer, err = x.results().CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: x.consumerName(), FilterSubject: x.results().prefix + x.id.String() + ".*",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 3 * x.timing.AckWait, MaxAckPending: 4 * fetchedAtOnce,
		InactiveThreshold: time.Minute,
	})
	return err
}

// resubscribe follows after the broker has forgotten the consumer or has lost its store.
func (x *exchange) resubscribe(ctx context.Context) error {
	return x.retry(ctx, "requesting outcomes", func(context.Context) error {
		if _, err := x.connection.open(ctx); err != nil {
			return err
		}
		if err := x.putModels(ctx); err != nil {
			return err
		}
		if x.restore != nil {
			if err := x.restore(ctx); err != nil {
				return err
			}
		}
		return x.subscribe(ctx)
	})
}

// listTasks returns the batches whose tasks are at the broker, waiting or held by a worker.
func (x *exchange) listTasks(ctx context.Context) (map[int]bool, error) {
	prefix := taskPrefix + x.id.String() + "."
	info, err := x.tasks.Info(ctx, jetstream.WithSubjectFilter(prefix+"*"))
	if err != nil {
		return nil, err
	}
	batches := map[int]bool{}
	for subject := range info.State.Subjects {
		if i, err := strconv.Atoi(strings.TrimPrefix(subject, prefix)); err == nil {
			batches[i] = true
		}
	}
	return batches, nil
}

// send sends the task of a batch.
func (x *exchange) send(ctx context.Context, batch int, task []byte) error {
	x.mu.Lock()
	x.sent++
	id := fmt.Sprintf("%s.%d", x.run, x.sent)
	x.mu.Unlock()
	return x.retry(ctx, fmt.Sprintf("sending batch %d", batch), func(ctx context.Context) error {
		if !x.isWaiting(batch) { // any more, since the first try
			return nil
		}
		_, err := x.js.Publish(ctx, taskSubject(x.id.String(), batch), task, jetstream.WithMsgID(id))
		return err
	})
}

func (x *exchange) isWaiting(batch int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.waiting[batch] != nil
}

// receiveAll receives outcomes until ctx is done.
func (x *exchange) receiveAll(ctx context.Context) error {
	for {
		err := x.receiveSome(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
		case isMissing(err):
			if err := x.resubscribe(ctx); err != nil {
				return err
			}
		case isTransient(err):
			pause(ctx, x.timing.MaxPause)
		default:
			return err
		}
	}
}

// receiveSome receives the outcomes of one request.
func (x *exchange) receiveSome(ctx context.Context) error {
	return x.fetch(ctx, x.consumer, fetchedAtOnce, x.timing.Request, func(msg jetstream.Msg) error {
		return x.receive(ctx, msg)
	})
}

// handleOutcomes makes a handler of outcomes one of messages.
func handleOutcomes(handle func(o Outcome) error) func(data []byte) error {
	return func(data []byte) error {
		o, err := DecodeOutcome(data)
		if err != nil {
			return err
		}
		return handle(o)
	}
}

// decode handles a message. A malformed one is dropped, and its batch will be sent again.
func (x *exchange) decode(data []byte) error {
	err := x.handle(data)
	if errors.Is(err, errMalformed) {
		x.log.Warn("dropping a message that is no outcome of this job", "error", err)
		x.count(func(s *Summary) { s.Malformed++ })
		return nil
	}
	return err
}

func (x *exchange) count(change func(*Summary)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	change(&x.summary)
}

// repeat restarts a loop that ends with an error, until ctx is done. The batches wait meanwhile.
func (x *exchange) repeat(ctx context.Context, loop func(context.Context) error) {
	for ctx.Err() == nil {
		if err := loop(ctx); ctx.Err() == nil {
			x.log.Error("working with the broker", "error", err)
			pause(ctx, x.timing.MaxPause)
		}
	}
}

// renewModels stores the models again before they expire, or after the broker has lost them.
func (x *exchange) renewModels(ctx context.Context) error {
	for {
		if pause(ctx, x.timing.Renew); ctx.Err() != nil {
			return ctx.Err()
		}
		if err := x.retryPutModels(ctx); err != nil {
			return err
		}
	}
}

// cleanUp removes everything of the job from the broker, if that answers.
func (x *exchange) cleanUp(ctx context.Context) {
	if x.tasks == nil || x.results().Stream == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := x.connection.ping(ctx)
	if err == nil {
		err = x.purge(ctx)
	}
	if err != nil {
		x.log.Warn("the broker keeps the rest of the job until it expires", "job", x.id, "error", err)
	}
}

// purge removes tasks, outcomes and consumer. It returns the first error: the others will have the same reason.
func (x *exchange) purge(ctx context.Context) (first error) {
	id := x.id.String()
	for _, remove := range []func(ctx context.Context) error{
		func(ctx context.Context) error {
			return x.tasks.Purge(ctx, jetstream.WithPurgeSubject(taskPrefix+id+".*"))
		},
		func(ctx context.Context) error {
			return x.results().Purge(ctx, jetstream.WithPurgeSubject(x.results().prefix+id+".*"))
		},
		func(ctx context.Context) error {
			return x.steps.Purge(ctx, jetstream.WithPurgeSubject(paramPrefix+id+".*"))
		},
		func(ctx context.Context) error {
			if x.consumer == nil {
				return nil
			}
			return x.results().DeleteConsumer(ctx, x.consumerName())
		},
	} {
		first = cmp.Or(first, retry(ctx, x.timing, remove))
	}
	return first
}
