// Package cluster lets many machines compute one scan, or the batches of one server, over NATS JetStream. In the data's
// path it replaces the network of package reconstruct: batches of patterns go out as tasks, and the patches that come
// back are stitched by the ids of their frames. It links no Gorgonia; a worker's networks are passed in.
//
// A [Broker] is a NATS server with JetStream inside ptyx; any other one will do. A [Job] is a scan with a model and
// options, named by their digest. A [Task] is one batch of its patterns. A [Worker] takes tasks one after the other and
// stores an [Outcome] for each. [Gather] sends a job's tasks, a bounded number at a time, and makes the object from
// their outcomes. A [Caller] sends batches that arrive one by one, as those of a server do.
//
// # What the broker stores
//
// A work-queue stream holds each task until a worker acknowledges it, after storing the outcome. A second stream holds
// the outcomes until the job is done, so that a restarted job finds them. An object store holds the models by their
// SHA-256. All of this is in files and has a maximal age.
//
// # Exactly once
//
// A task may be delivered more than once: its worker died or was slow, or the broker died. But an outcome depends on
// its task alone, the streams hold one message per subject, which names job and batch, and a frame is stitched once. So
// nothing is lost or doubled, and the object has the bytes that one machine computes.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ptyx/internal/base/badinput"
)

// Names at the broker.
const (
	taskStream    = "PTYX_TASKS"
	outcomeStream = "PTYX_OUTCOMES"
	modelBucket   = "PTYX_MODELS"
	stepStream    = "PTYX_STEPS"
	taskPrefix    = "ptyx.task."    // followed by the job and the batch
	outcomePrefix = "ptyx.outcome." // followed by the job and the batch
	stepPrefix    = "ptyx.step."    // followed by the job and the shard
	paramPrefix   = "ptyx.param."   // followed by the job and the part
	workers       = "workers"       // the consumer that all workers share
)

// How long the broker stores what nobody removes.
const (
	messageAge = 24 * time.Hour     // tasks and outcomes of an abandoned job
	modelAge   = 7 * 24 * time.Hour // a model, since the last job with it began
)

// maxPending is how many tasks all workers together may hold.
const maxPending = 1000

// checkInFlight refuses a number of batches in flight that workers could not hold, or that would fill the memory.
func checkInFlight(n int) error {
	if n < 1 || n > maxPending {
		return &badinput.Error{
			Key: "--in-flight", Found: fmt.Sprint(n), Expected: fmt.Sprintf("1 to %d", maxPending),
		}
	}
	return nil
}

// Timing are timeouts; 0 means the default.
type Timing struct {
	AckWait   time.Duration // a task goes to another worker if its worker is silent that long; default 10 s
	Request   time.Duration // of one request to the broker; default 5 s
	LostAfter time.Duration // a task without an outcome is looked up after that; default 10 s
	MaxPause  time.Duration // between two tries; default 2 s
	Renew     time.Duration // between a Caller's checks that its models are stored; default 1 h

	log *slog.Logger // for retries that take long
}

func (t Timing) withDefaults(log *slog.Logger) Timing {
	return Timing{
		AckWait:   cmp.Or(t.AckWait, 10*time.Second),
		Request:   cmp.Or(t.Request, 5*time.Second),
		LostAfter: cmp.Or(t.LostAfter, 10*time.Second),
		MaxPause:  cmp.Or(t.MaxPause, 2*time.Second),
		Renew:     cmp.Or(t.Renew, time.Hour),
		log:       log,
	}
}

func taskSubject(job string, batch int) string { return fmt.Sprintf("%s%s.%d", taskPrefix, job, batch) }

func parametersSubject(job string, part int) string {
	return fmt.Sprintf("%s%s.%d", paramPrefix, job, part)
}

// streams are the broker's stores of tasks, outcomes, models, and what a training's steps exchange.
type streams struct {
	connection             *Connection
	js                     jetstream.JetStream
	tasks, outcomes, steps jetstream.Stream
	models                 jetstream.ObjectStore
}

// results is a store of results.
type results struct {
	jetstream.Stream
	prefix string // of the subjects
}

func (r results) subject(job string, batch int) string {
	return fmt.Sprintf("%s%s.%d", r.prefix, job, batch)
}

// outcomesOfJobs holds the results of networks, which are expensive and survive the broker.
func (s streams) outcomesOfJobs() results { return results{s.outcomes, outcomePrefix} }

// gradients holds the results of shards.
func (s streams) gradients() results { return results{s.steps, stepPrefix} }

// open creates the streams or finds them. They hold one message per subject: a task that is sent again replaces the
// first.
func (c *Connection) open(ctx context.Context) (s streams, err error) {
	s.connection, s.js = c, c.js
	if s.tasks, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: taskStream, Description: "batches of patterns that wait for a worker of ptyx",
		Subjects: []string{taskPrefix + "*.*"}, Retention: jetstream.WorkQueuePolicy,
		Storage: jetstream.FileStorage, MaxAge: messageAge, MaxMsgsPerSubject: 1,
	}); err != nil {
		return s, fmt.Errorf("creating the stream of tasks: %w", err)
	}
	if s.outcomes, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: outcomeStream, Description: "patches that wait for their job's end",
		Subjects: []string{outcomePrefix + "*.*"}, Retention: jetstream.LimitsPolicy,
		Storage: jetstream.FileStorage, MaxAge: messageAge, MaxMsgsPerSubject: 1,
	}); err != nil {
		return s, fmt.Errorf("creating the stream of outcomes: %w", err)
	}
	// In memory, because each step replaces them: what a broker loses is computed again.
	if s.steps, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: stepStream, Description: "parameters and gradients of the present step of each training",
		Subjects: []string{stepPrefix + "*.*", paramPrefix + "*.*"}, Retention: jetstream.LimitsPolicy,
		Storage: jetstream.MemoryStorage, MaxAge: messageAge, MaxMsgsPerSubject: 1, AllowDirect: true,
	}); err != nil {
		return s, fmt.Errorf("creating the stream of steps: %w", err)
	}
	if s.models, err = c.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: modelBucket, Description: "models of ptyx by the SHA-256 of their file",
		TTL: modelAge, Storage: jetstream.FileStorage,
	}); err != nil {
		return s, fmt.Errorf("creating the store of models: %w", err)
	}
	return s, nil
}

// explain turns an error that the user can fix into a *badinput.Error.
func (c *Connection) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case isAny(err, jetstream.ErrJetStreamNotEnabled, jetstream.ErrJetStreamNotEnabledForAccount, nats.ErrNoResponders):
		return &badinput.Error{
			File: c.name, Key: "--nats", Found: "a NATS server without JetStream", Expected: "one with it",
			Remedy: "run ptyx broker, or start nats-server with -js", Cause: err,
		}
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// isAny reports whether err is one of some errors.
func isAny(err error, targets ...error) bool {
	for _, target := range targets {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}
