package cluster

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ptyx/internal/base/badinput"
)

// retry tries something until it succeeds, fails permanently, or ctx is done. The broker may disappear and return
// meanwhile. It never answers a request from before, so each try has its own timeout.
func retry(ctx context.Context, t Timing, try func(ctx context.Context) error) error {
	start, logged := time.Now(), false
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, t.MaxPause) {
		one, cancel := context.WithTimeout(ctx, t.Request)
		err := try(one)
		cancel()
		if err == nil || ctx.Err() != nil || !isTransient(err) {
			return err
		}
		if !logged && time.Since(start) > t.LostAfter {
			logged = true
			t.log.Warn("trying again and again", "error", err)
		}
		if pause(ctx, wait); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// pause returns after d or when ctx is done.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// isTransient reports whether the broker is away or starting.
func isTransient(err error) bool {
	if bad := (*badinput.Error)(nil); errors.As(err, &bad) {
		return false
	}
	var api jetstream.JetStreamError
	if errors.As(err, &api) && api.APIError() != nil {
		return api.APIError().Code >= 500 && !errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount)
	}
	return isNetwork(err) || isAny(err,
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
		nats.ErrReconnectBufExceeded, nats.ErrNoServers, jetstream.ErrNoStreamResponse, jetstream.ErrNoHeartbeat,
		jetstream.ErrServerShutdown, context.DeadlineExceeded)
}

// isNetwork reports whether the connection failed.
func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || isAny(err, net.ErrClosed, io.EOF, io.ErrUnexpectedEOF)
}

// isMissing reports whether a consumer or stream does not exist any more.
func isMissing(err error) bool {
	return isAny(err, jetstream.ErrConsumerNotFound, jetstream.ErrConsumerDeleted, jetstream.ErrConsumerDoesNotExist,
		jetstream.ErrStreamNotFound, nats.ErrNoResponders)
}
