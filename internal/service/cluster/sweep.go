package cluster

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// leftover is something that a Caller has left at the broker: a task that nobody waits for, or an outcome that was taken in. It says where that is and
// holds no batch: while the broker is away there may be many.
type leftover struct {
	batch   int    // of the task
	outcome uint64 // its place in the stream; 0: it is a task
}

// mostLeft is how many leftovers are kept in mind. Those beyond go when the Caller is closed, or are old.
const mostLeft = 1 << 14

// leave notes what is to be removed. It is called with the exchange locked.
func (c *Caller) leave(l leftover) {
	if len(c.leftovers) == mostLeft {
		return
	}
	c.leftovers = append(c.leftovers, l)
	select {
	case c.untidy <- struct{}{}:
	default:
	}
}

// sweep removes what is left, one after the other, so that nobody who waits for a batch waits for that, too.
func (c *Caller) sweep(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-c.untidy:
		}
		c.mu.Lock()
		all := c.leftovers
		c.leftovers = nil
		c.mu.Unlock()
		for _, l := range all {
			if err := persist(ctx, c.timing, func(ctx context.Context) error { return c.remove(ctx, l) }); err != nil && ctx.Err() == nil {
				c.log.Debug("the broker keeps a message until it is old", "error", err) // or has lost it
			}
		}
	}
}

func (c *Caller) remove(ctx context.Context, l leftover) error {
	if l.outcome != 0 {
		return c.outcomes.DeleteMsg(ctx, l.outcome)
	}
	return c.tasks.Purge(ctx, jetstream.WithPurgeSubject(taskSubject(c.id.String(), l.batch)))
}

// renew stores the models again, before they are too old to stay, and where they were lost.
func (c *Caller) renew(ctx context.Context) error {
	for {
		rest(ctx, c.timing.Renew)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := persist(ctx, c.timing, func(context.Context) error { return c.putModels(ctx) }); err != nil { // in its own time
			return err
		}
	}
}

// Close ends the Caller and leaves nothing of it at the broker, if that answers. It is called when nobody waits for a batch.
func (c *Caller) Close() error {
	c.stop()
	c.loops.Wait()
	c.tidy(context.Background())
	return nil
}
