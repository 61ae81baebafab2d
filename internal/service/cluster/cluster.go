// Package cluster has many machines work on one scan, over NATS JetStream. In the data's path it stands where reconstruct runs its network: the
// patterns of a scan go out in batches, and the patches that come back are stitched by the ids of their frames. It links no Gorgonia; what
// runs a network is handed in as a predict.Predictor.
//
// The nouns: a [Broker] is a NATS server with JetStream inside ptyx; any other will do. A [Job] is a scan with a model and options, named by
// their digest. A [Task] is one batch of its patterns. A [Worker] takes tasks, one after the other, and stores an [Outcome] for each. A
// [Gatherer] puts out a job's tasks, a bounded number at a time, and makes the object of their outcomes. A [Caller] has batches computed that come
// one by one, as those of a server do.
//
// # What the broker keeps
//
// Tasks lie in a work-queue stream until a worker acknowledges them, which it does once the outcome is stored. Outcomes lie in a second
// stream until the job is done, so that a gatherer that was killed finds them. Models lie in an object store under their SHA-256. All are
// files, of bounded age.
//
// # Once, and only once
//
// A task may be delivered more than once: its worker died, or was slow, or the broker died. An outcome depends on its task alone, the streams hold one
// message for each subject, which names job and batch, and a frame is stitched once. So nothing is lost and nothing doubled, and the
// bytes of the object are those that one machine makes.
package cluster

import (
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
	taskPrefix    = "ptyx.task."    // then the job and the batch
	outcomePrefix = "ptyx.outcome." // likewise
	workers       = "workers"       // the consumer that all workers share
)

// How long things stay.
const (
	abandoned = 24 * time.Hour     // tasks and outcomes of a job that nobody goes on with
	modelAge  = 7 * 24 * time.Hour // a model, since a job that needs it began
)

// mostPending is how many tasks all workers together may hold.
const mostPending = 1000

// Timing is how long one waits for another. The zero value is the usual.
type Timing struct {
	AckWait time.Duration // a task whose worker is not heard of for so long goes to another; 10 s
	Pull    time.Duration // one request to the broker; 5 s
	Doubt   time.Duration // a task without an outcome is looked for after that; 10 s
	Pause   time.Duration // before what failed is tried again, at most; 2 s
	Renew   time.Duration // a Caller makes sure that its models are stored; 1 h

	log *slog.Logger // is told when trying again takes long
}

func (t Timing) usual(log *slog.Logger) Timing {
	t.log = log
	orElse := func(d *time.Duration, usual time.Duration) {
		if *d == 0 {
			*d = usual
		}
	}
	orElse(&t.AckWait, 10*time.Second)
	orElse(&t.Pull, 5*time.Second)
	orElse(&t.Doubt, 10*time.Second)
	orElse(&t.Pause, 2*time.Second)
	orElse(&t.Renew, time.Hour)
	return t
}

func taskSubject(job string, batch int) string { return fmt.Sprintf("%s%s.%d", taskPrefix, job, batch) }
func outcomeSubject(job string, batch int) string {
	return fmt.Sprintf("%s%s.%d", outcomePrefix, job, batch)
}

// streams are where tasks, outcomes and models lie.
type streams struct {
	connection      *Connection
	js              jetstream.JetStream
	tasks, outcomes jetstream.Stream
	models          jetstream.ObjectStore
}

// open makes the streams, or finds them.
func (c *Connection) open(ctx context.Context) (s streams, err error) {
	s.connection, s.js = c, c.js
	// One message a subject: what is put out again takes the place of what it was.
	if s.tasks, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: taskStream, Description: "batches of patterns that wait for a worker of ptyx", Subjects: []string{taskPrefix + "*.*"},
		Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, MaxAge: abandoned, MaxMsgsPerSubject: 1,
	}); err != nil {
		return s, fmt.Errorf("making the stream of tasks: %w", err)
	}
	if s.outcomes, err = c.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: outcomeStream, Description: "patches that wait for their job's end", Subjects: []string{outcomePrefix + "*.*"},
		Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, MaxAge: abandoned, MaxMsgsPerSubject: 1,
	}); err != nil {
		return s, fmt.Errorf("making the stream of outcomes: %w", err)
	}
	if s.models, err = c.js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: modelBucket, Description: "models of ptyx by the SHA-256 of their file", TTL: modelAge, Storage: jetstream.FileStorage,
	}); err != nil {
		return s, fmt.Errorf("making the store of models: %w", err)
	}
	return s, nil
}

// explain turns what a user can mend into a sentence.
func (c *Connection) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount), errors.Is(err, nats.ErrNoResponders):
		return &badinput.Error{File: c.name, Key: "--nats", Found: "a NATS server without JetStream", Expected: "one with it",
			Remedy: "run ptyx broker, or start nats-server with -js", Cause: err}
	}
	return fmt.Errorf("%s: %w", c.name, err)
}
