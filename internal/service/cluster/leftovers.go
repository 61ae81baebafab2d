package cluster

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"
)

// leftover is a message at the broker that a Caller no longer needs: the task of a cancelled batch, or a received
// outcome. It holds no batch, because there may be many while the broker is away.
type leftover struct {
	batch   int    // of the task
	outcome uint64 // sequence number of the outcome; 0: it is a task
}

// maxLeftovers is how many leftovers a Caller remembers. The broker removes further ones when the Caller is closed, or
// when they expire.
const maxLeftovers = 1 << 14

// discard schedules a leftover for removal. It is called with the exchange locked.
func (c *Caller) discard(l leftover) {
	if len(c.leftovers) == maxLeftovers {
		return
	}
	c.leftovers = append(c.leftovers, l)
	select {
	case c.untidy <- struct{}{}:
	default:
	}
}

// removeLeftovers removes leftovers in the background, so that no batch waits for it.
func (c *Caller) removeLeftovers(ctx context.Context) error {
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
			remove := func(ctx context.Context) error {
				if l.outcome != 0 {
					return c.outcomes.DeleteMsg(ctx, l.outcome)
				}
				return c.tasks.Purge(ctx, jetstream.WithPurgeSubject(taskSubject(c.id.String(), l.batch)))
			}
			if err := retry(ctx, c.timing, remove); err != nil && ctx.Err() == nil {
				c.log.Debug("the broker keeps a message until it expires, or has lost it", "error", err)
			}
		}
	}
}
