package zeromq

import (
	"context"
	"log/slog"
	"time"
)

// Follow passes all messages of a sender to deliver until ctx is done. While deliver runs, nothing is read, and the
// sender waits. If the sender is not there, or the connection breaks, Follow connects again, and logs both once for
// each break. A sender that closes every connection soon gives one line, too. Each connection gets its own deliver,
// from begin: messages of two connections are not in order.
func Follow(ctx context.Context, address string, begin func() (deliver func(parts [][]byte)), log *slog.Logger) {
	const shortest, longest = 50 * time.Millisecond, 2 * time.Second
	pause, what := shortest, ""
	reported, announced := false, false
	connected := func() {
		what = "the connection to the sender is lost; trying again"
		if !announced {
			announced = true
			log.Info("connected to the sender", "address", address)
		}
	}
	for ctx.Err() == nil {
		start := time.Now()
		what = "no connection to the sender; trying again"
		received, err := receiveAll(ctx, address, begin(), connected)
		if ctx.Err() != nil {
			return
		}
		if received > 0 {
			pause = shortest
		}
		if received > 0 && time.Since(start) > longest {
			reported, announced = false, false
		}
		if !reported {
			reported = true
			log.Warn(what, "address", address, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longest)
	}
}

// receiveAll connects once, calls connected, and receives until the connection ends. It returns the number of messages.
func receiveAll(
	ctx context.Context, address string, deliver func([][]byte), connected func(),
) (received int, err error) {
	c, err := Dial(ctx, address)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	connected()
	for {
		parts, err := c.Receive()
		if err != nil {
			return received, err
		}
		deliver(parts)
		received++
	}
}
