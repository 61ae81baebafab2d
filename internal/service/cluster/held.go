package cluster

import (
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// heldTasks are the tasks that a worker holds. It tells the broker regularly that it works on them.
type heldTasks struct {
	mu   sync.Mutex
	msgs map[jetstream.Msg]bool
}

func (h *heldTasks) add(msg jetstream.Msg) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.msgs[msg] = true
}

// release tells the broker what became of a task. If the broker does not receive that, the task is delivered again,
// which does no harm.
func (h *heldTasks) release(msg jetstream.Msg, tell func() error) {
	h.mu.Lock()
	delete(h.msgs, msg)
	h.mu.Unlock()
	_ = tell()
}

// sendProgress reports progress on each task until stop is closed.
func (h *heldTasks) sendProgress(every time.Duration, stop <-chan struct{}) {
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
