package serve

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// budget is memory that scans share.
type budget struct {
	limit int64
	shown prometheus.Gauge

	mu   sync.Mutex
	used int64
}

// take claims bytes, or says that there are not so many; a negative number gives them back.
func (b *budget) take(bytes int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes > 0 && b.used+bytes > b.limit {
		return refuse(http.StatusInsufficientStorage, "scans hold %d MiB, and may hold %d: delete one, or raise --scan-memory", b.used>>20, b.limit>>20)
	}
	b.used += bytes
	b.shown.Set(float64(b.used))
	return nil
}

// String is for messages of tests.
func (b *budget) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%d of %d bytes", b.used, b.limit)
}

// signal tells many that something has changed.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// changed is closed with the next notify.
func (s *signal) changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch == nil {
		s.ch = make(chan struct{})
	}
	return s.ch
}

func (s *signal) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ch != nil {
		close(s.ch)
		s.ch = nil
	}
}
