package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// resendLost looks for tasks that have no outcome for long. One that the broker does not have is lost: the broker lost
// its disk, or the task expired. It is sent again. If batches are cancelled before that, it still warns when there are
// no workers.
func (x *exchange) resendLost(ctx context.Context) error {
	for {
		pause(ctx, x.timing.LostAfter/2)
		late := x.late()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if x.takeCancelled() {
			x.warnIfNoWorkers(ctx)
		}
		if len(late) == 0 {
			continue
		}
		if err := x.lookFor(ctx, late); err != nil && !isTransient(err) && !isMissing(err) {
			return err
		}
	}
}

// takeCancelled reports whether a batch was cancelled since the last call.
func (x *exchange) takeCancelled() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	cancelled := x.cancelled
	x.cancelled = false
	return cancelled
}

// late returns the batches that were not seen for LostAfter.
func (x *exchange) late() (late []int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, t := range x.waiting {
		if time.Since(t.seen) > x.timing.LostAfter {
			late = append(late, i)
		}
	}
	return late
}

// lookFor recovers those late batches whose tasks the broker does not have.
func (x *exchange) lookFor(ctx context.Context, late []int) error {
	there, err := x.listTasks(ctx)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		x.warnIfNoWorkers(ctx)
	}
	for _, i := range late {
		if !there[i] {
			if err := x.recover(ctx, i); err != nil {
				return err
			}
		}
		x.mu.Lock()
		if t := x.waiting[i]; t != nil {
			t.seen = time.Now()
		}
		x.mu.Unlock()
	}
	return nil
}

// recover handles the outcome of a batch whose task is gone, or sends the task again.
func (x *exchange) recover(ctx context.Context, batch int) error {
	msg, err := x.results().GetLastMsgForSubject(ctx, x.results().subject(x.id.String(), batch))
	if err == nil {
		err = x.decode(msg.Data)
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	task := x.encode(batch)
	if task == nil {
		return nil
	}
	x.log.Warn("a task was lost and is sent again", "batch", batch)
	x.count(func(s *Summary) { s.Resent++ })
	return x.send(ctx, batch, task)
}

// encode returns the task of a batch, or nil if the batch is no longer waiting; its memory may then be reused.
func (x *exchange) encode(batch int) []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.waiting[batch]
	if t == nil {
		return nil
	}
	return t.encode()
}

// warnIfNoWorkers warns once when no worker is connected, until there has been one.
func (x *exchange) warnIfNoWorkers(ctx context.Context) {
	consumer, err := x.tasks.Consumer(ctx, workers)
	found := "none so far"
	if err == nil {
		info := consumer.CachedInfo()
		if info.NumWaiting > 0 || info.NumAckPending > 0 {
			return
		}
		found = fmt.Sprintf("none requests tasks, %d wait", info.NumPending)
	} else if !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return
	}
	x.mu.Lock()
	warned := x.warnedNoWorkers
	x.warnedNoWorkers = true
	x.mu.Unlock()
	if !warned {
		x.log.Warn("waiting for a worker: ptyx worker --nats", "workers", found)
	}
}
