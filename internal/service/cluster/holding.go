package cluster

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// holding are the tasks that a worker holds. Of each the broker hears, again and again, that somebody is at it.
type holding struct {
	mu   sync.Mutex
	msgs map[jetstream.Msg]bool
}

func (h *holding) add(msg jetstream.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.msgs == nil {
		h.msgs = map[jetstream.Msg]bool{}
	}
	h.msgs[msg] = true
}

// release ends the holding of a task by telling the broker how. Where the broker does not hear it, the task comes again, which does no harm.
func (h *holding) release(msg jetstream.Msg, tell func() error) {
	h.mu.Lock()
	delete(h.msgs, msg)
	h.mu.Unlock()
	_ = tell()
}

// beat tells the broker of each task at times, until stop is closed.
func (h *holding) beat(every time.Duration, stop <-chan struct{}) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		h.mu.Lock()
		for msg := range h.msgs {
			_ = msg.InProgress()
		}
		h.mu.Unlock()
	}
}
