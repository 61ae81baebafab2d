package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// doubt looks, at times, for the tasks of batches that have no outcome for long. One that is neither waiting nor in work nor done was lost: the broker
// has lost its disk, or the task grew too old. It is put out again.
func (g *Gatherer) doubt(ctx context.Context) error {
	for {
		rest(ctx, g.options.Timing.Doubt/2)
		late := g.late(time.Now().Add(-g.options.Timing.Doubt))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if len(late) == 0 {
			continue
		}
		if err := g.look(ctx, late); err != nil && !passing(err) && !gone(err) {
			return err
		}
	}
}

// late are the batches that were put out before, or last seen.
func (g *Gatherer) late(before time.Time) (late []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, f := range g.waiting {
		if f.looked.Before(before) {
			late = append(late, i)
		}
	}
	return late
}

func (g *Gatherer) look(ctx context.Context, late []int) error {
	there, err := g.listed(ctx)
	if err != nil {
		return err
	}
	if len(there) > 0 {
		g.tellIfAlone(ctx)
	}
	for _, i := range late {
		if !there[i] {
			if err := g.recover(ctx, i); err != nil {
				return err
			}
		}
		g.mu.Lock()
		if f := g.waiting[i]; f != nil {
			f.looked = time.Now()
		}
		g.mu.Unlock()
	}
	return nil
}

// recover takes in the outcome of a batch whose task is gone, or puts the task out again if there is none.
func (g *Gatherer) recover(ctx context.Context, i int) error {
	msg, err := g.outcomes.GetLastMsgForSubject(ctx, outcomeSubject(g.job.ID.String(), i))
	if err == nil {
		err = g.takeIn(msg.Data)
	}
	if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
		return err
	}
	task := g.encoded(i)
	if task == nil {
		return nil
	}
	g.options.Log.Warn("a task was lost and is put out again", "batch", i)
	g.note(func(s *Summary) { s.Again++ })
	return g.put(ctx, i, task)
}

// encoded is the task of a batch, or nil if it is waited for no more: then its room is another's.
func (g *Gatherer) encoded(i int) []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	f := g.waiting[i]
	if f == nil {
		return nil
	}
	return g.job.task(i, f.patterns).Encode()
}

// tellIfAlone says it, once, when no worker is there.
func (g *Gatherer) tellIfAlone(ctx context.Context) {
	consumer, err := g.tasks.Consumer(ctx, workers)
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
	g.mu.Lock()
	told := g.alone
	g.alone = true
	g.mu.Unlock()
	if !told {
		g.options.Log.Warn("waiting for a worker: ptyx worker --nats", "workers", found)
	}
}
