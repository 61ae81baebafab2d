package cluster

import (
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

// exchange is what one job has with the broker: its tasks go out and are waited for, its outcomes come in. What the broker loses meanwhile, a task, a
// model or who asks for outcomes, it is given again. What becomes of an outcome is up to whose exchange it is.
type exchange struct {
	streams
	id       Digest            // of the job
	models   map[Digest][]byte // that the tasks need
	timing   Timing
	log      *slog.Logger
	run      string // tells the messages of this run from those of others
	consumer jetstream.Consumer

	arrive func(o Outcome) error                              // takes an outcome; what is none of this job's is errMalformed
	accept func(ctx context.Context, msg jetstream.Msg) error // takes in a message with one, and settles it

	mu      sync.Mutex
	waiting map[int]*flight
	putOut  int  // tasks, for their ids
	givenUp bool // a batch was, without an outcome, since workers were looked for
	alone   bool // it was told that there is no worker
	summary Summary
}

// flight is a batch that is put out and has no outcome yet.
type flight struct {
	task   func() []byte // encodes it, while it is waited for
	looked time.Time     // when it was put out, or last found to be waiting
}

// pulled is how many outcomes are asked for at once.
const pulled = 8

func newExchange(c *Connection, job Digest, models map[Digest][]byte, timing Timing, log *slog.Logger) *exchange {
	return &exchange{streams: streams{connection: c}, id: job, models: models, timing: timing.usual(log), log: log, run: nuid.Next(), waiting: map[int]*flight{}}
}

// begin makes streams and consumer, and stores the models.
func (x *exchange) begin(ctx context.Context) (err error) {
	if x.streams, err = x.connection.open(ctx); err != nil {
		return x.connection.explain(err)
	}
	if err := persist(ctx, x.timing, func(context.Context) error { return x.putModels(ctx) }); err != nil { // in its own time
		return fmt.Errorf("storing the model: %w", err)
	}
	if err := persist(ctx, x.timing, x.subscribe); err != nil {
		return fmt.Errorf("asking for outcomes: %w", err)
	}
	return nil
}

func (x *exchange) putModels(ctx context.Context) error {
	for digest, model := range x.models {
		if err := x.putModel(ctx, digest, model); err != nil {
			return err
		}
	}
	return nil
}

// subscribe makes the consumer of the job's outcomes. The broker forgets it when nobody asks for some time.
func (x *exchange) subscribe(ctx context.Context) (err error) {
	x.consumer, err = x.outcomes.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: "gatherer-" + x.run, FilterSubject: outcomePrefix + x.id.String() + ".*",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: 3 * x.timing.AckWait, MaxAckPending: 4 * pulled, InactiveThreshold: time.Minute,
	})
	return err
}

// resubscribe is for a broker that has forgotten the consumer, or has an empty store.
func (x *exchange) resubscribe(ctx context.Context) error {
	if _, err := x.connection.open(ctx); err != nil {
		return err
	}
	if err := x.putModels(ctx); err != nil {
		return err
	}
	return x.subscribe(ctx)
}

// listed are the batches whose tasks wait or are in work.
func (x *exchange) listed(ctx context.Context) (map[int]bool, error) {
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

// put puts out a task.
func (x *exchange) put(ctx context.Context, i int, task []byte) error {
	x.mu.Lock()
	x.putOut++
	id := fmt.Sprintf("%s.%d", x.run, x.putOut)
	x.mu.Unlock()
	err := persist(ctx, x.timing, func(ctx context.Context) error {
		if !x.awaits(i) { // any more, since it was tried first
			return nil
		}
		_, err := x.js.Publish(ctx, taskSubject(x.id.String(), i), task, jetstream.WithMsgID(id))
		return err
	})
	if err != nil {
		return fmt.Errorf("putting out batch %d: %w", i, err)
	}
	return nil
}

// awaits tells whether a batch is waited for.
func (x *exchange) awaits(i int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.waiting[i] != nil
}

// collect takes in outcomes as they come.
func (x *exchange) collect(ctx context.Context) error {
	for {
		switch err := x.gather(ctx); {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
		case gone(err):
			if err := persist(ctx, x.timing, func(context.Context) error { return x.resubscribe(ctx) }); err != nil {
				return fmt.Errorf("asking for outcomes: %w", err)
			}
		case passing(err):
			rest(ctx, x.timing.Pause)
		default:
			return err
		}
	}
}

// gather takes in the outcomes of one request.
func (x *exchange) gather(ctx context.Context) error {
	return x.pull(ctx, x.consumer, pulled, x.timing.Pull, func(msg jetstream.Msg) error { return x.accept(ctx, msg) })
}

// takeIn understands an outcome and hands it on. What is none of this job's is dropped, and its batch goes out again.
func (x *exchange) takeIn(data []byte) error {
	o, err := DecodeOutcome(data)
	if err == nil {
		err = x.arrive(o)
	}
	if errors.Is(err, errMalformed) {
		x.log.Warn("a message that is no outcome of this job is dropped", "error", err)
		x.note(func(s *Summary) { s.Malformed++ })
		return nil
	}
	return err
}

func (x *exchange) note(change func(*Summary)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	change(&x.summary)
}

// tidy leaves nothing of the job at the broker, if that answers.
func (x *exchange) tidy(ctx context.Context) {
	if x.tasks == nil || x.outcomes == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := x.connection.answers(ctx)
	if err == nil {
		err = x.empty(ctx)
	}
	if err != nil {
		x.log.Warn("the broker keeps what is left of the job until it is old", "job", x.id, "error", err)
	}
}

// empty removes tasks, outcomes and consumer. What one of them is kept for is the reason for the others, too: it returns the first.
func (x *exchange) empty(ctx context.Context) (err error) {
	id := x.id.String()
	for _, remove := range []func(ctx context.Context) error{
		func(ctx context.Context) error {
			return x.tasks.Purge(ctx, jetstream.WithPurgeSubject(taskPrefix+id+".*"))
		},
		func(ctx context.Context) error {
			return x.outcomes.Purge(ctx, jetstream.WithPurgeSubject(outcomePrefix+id+".*"))
		},
		x.unsubscribe,
	} {
		if failed := persist(ctx, x.timing, remove); err == nil {
			err = failed
		}
	}
	return err
}

func (x *exchange) unsubscribe(ctx context.Context) error {
	if x.consumer == nil {
		return nil
	}
	return x.outcomes.DeleteConsumer(ctx, "gatherer-"+x.run)
}
