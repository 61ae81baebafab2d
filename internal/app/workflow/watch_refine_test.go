package workflow

import (
	"errors"
	"testing"

	"ptyx/internal/base/badinput"
)

// TestAWatchNeedsRoom on disk: without it, no frame reaches the solver, or can wait.
func TestAWatchNeedsRoom(t *testing.T) {
	for _, c := range []struct {
		refine int
		room   int64
		key    string // of the error; empty: there is none
	}{{0, 1, ""}, {0, 0, "--keep-gb"}, {3, 1, ""}, {3, 0, "--keep-gb"}, {-1, 1, "--refine"}} {
		err := WatchOptions{Refine: c.refine, KeepBytes: c.room}.checkRefine()
		var bad *badinput.Error
		if got := errors.As(err, &bad); got != (c.key != "") || got && bad.Key != c.key {
			t.Errorf("--refine %d with %d bytes: %v", c.refine, c.room, err)
		}
	}
}
