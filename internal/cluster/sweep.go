package cluster

import "context"

// leftover removes something that a Caller has left at the broker: a task that nobody waits for, or an outcome that was taken in.
type leftover func(ctx context.Context) error

// leave notes what is to be removed. It is called with the exchange locked.
func (c *Caller) leave(l leftover) {
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
		for _, remove := range all {
			if err := persist(ctx, c.timing, remove); err != nil && ctx.Err() == nil {
				c.log.Debug("the broker keeps a message until it is old", "error", err) // or has lost it
			}
		}
	}
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

// Close ends the Caller and leaves nothing of it at the broker, if that is there. It is called when nobody waits for a batch.
func (c *Caller) Close() error {
	c.stop()
	c.loops.Wait()
	if err := c.Ready(); err != nil {
		c.log.Warn("the broker keeps what is left until it is old", "job", c.id, "error", err)
		return nil
	}
	c.tidy(context.Background())
	return nil
}
