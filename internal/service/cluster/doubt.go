package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// doubt looks, at times, for the tasks of batches that have no outcome for long. One that is neither waiting nor in work nor done was lost: the broker
// has lost its disk, or the task grew too old. It is put out again. Where batches are given up without an outcome it looks for workers, too: none may be
// waited for that long.
func (x *exchange) doubt(ctx context.Context) error {
	for {
		rest(ctx, x.timing.Doubt/2)
		late := x.late(time.Now().Add(-x.timing.Doubt))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if x.wasGivenUp() {
			x.tellIfAlone(ctx)
		}
		if len(late) == 0 {
			continue
		}
		if err := x.look(ctx, late); err != nil && !passing(err) && !gone(err) {
			return err
		}
	}
}

// wasGivenUp tells whether a batch was given up without an outcome since it was last asked.
func (x *exchange) wasGivenUp() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	was := x.givenUp
	x.givenUp = false
	return was
}

// late are the batches that were put out before, or last seen.
func (x *exchange) late(before time.Time) (late []int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, f := range x.waiting {
		if f.looked.Before(before) {
			late = append(late, i)
		}
	}
	return late
}

func (x *exchange) look(ctx context.Context, late []int) error {
	there, err := x.listed(ctx)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		x.tellIfAlone(ctx)
	}
	for _, i := range late {
		if !there[i] {
			if err := x.recover(ctx, i); err != nil {
				return err
			}
		}
		x.mu.Lock()
		if f := x.waiting[i]; f != nil {
			f.looked = time.Now()
		}
		x.mu.Unlock()
	}
	return nil
}

// recover takes in the outcome of a batch whose task is gone, or puts the task out again if there is none.
func (x *exchange) recover(ctx context.Context, i int) error {
	msg, err := x.outcomes.GetLastMsgForSubject(ctx, outcomeSubject(x.id.String(), i))
	if err == nil {
		err = x.takeIn(msg.Data)
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	task := x.encoded(i)
	if task == nil {
		return nil
	}
	x.log.Warn("a task was lost and is put out again", "batch", i)
	x.note(func(s *Summary) { s.Again++ })
	return x.put(ctx, i, task)
}

// encoded is the task of a batch, or nil if it is waited for no more: then its room is another's.
func (x *exchange) encoded(i int) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	f := x.waiting[i]
	if f == nil {
		return nil
	}
	return f.task()
}

// tellIfAlone says it, once, when no worker is there.
func (x *exchange) tellIfAlone(ctx context.Context) {
	consumer, err := x.tasks.Consumer(ctx, workers)
	var found string
	switch {
	case errors.Is(err, jetstream.ErrConsumerNotFound):
		found = "there has been none"
	case err != nil:
		return
	default:
		if info := consumer.CachedInfo(); info.NumWaiting > 0 || info.NumAckPending > 0 {
			return
		}
		found = fmt.Sprintf("none asks for tasks, %d wait", consumer.CachedInfo().NumPending)
	}
	x.mu.Lock()
	told := x.alone
	x.alone = true
	x.mu.Unlock()
	if !told {
		x.log.Warn("waiting for a worker: ptyx worker --nats", "workers", found)
	}
}
