package watch

import (
	"context"
	"time"
)

// Clock is the source of time; tests replace it.
type Clock interface {
	Now() time.Time
	// Sleep returns after d or when ctx is done.
	Sleep(ctx context.Context, d time.Duration)
}

// RealClock is the machine's clock.
type RealClock struct{}

// Now returns the current time.
func (RealClock) Now() time.Time { return time.Now() }

// Sleep returns after d or when ctx is done.
func (RealClock) Sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
