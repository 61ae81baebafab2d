package serve

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// gate counts the work in progress, and refuses more once it is shut.
type gate struct {
	mu     sync.Mutex
	inside int
	closed bool
	idle   chan struct{} // closed when the gate is shut and nothing is inside
}

func newGate() *gate { return &gate{idle: make(chan struct{})} }

// enter reports false if the gate is shut; otherwise leave must follow.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.inside++
	}
	return !g.closed
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.closed && g.inside == 0 {
		close(g.idle)
	}
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed && g.inside == 0 {
		close(g.idle)
	}
	g.closed = true
}

func (g *gate) isShut() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}

// signal wakes all goroutines that wait for a change.
type signal struct {
	mu sync.Mutex
	ch chan struct{}
}

// next returns a channel that the next notify closes.
func (s *signal) next() <-chan struct{} {
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

// budget limits the memory of all scans together.
type budget struct {
	limit int64 // bytes
	gauge prometheus.Gauge

	mu   sync.Mutex
	used int64
}

// claim reserves bytes or returns an error; a negative number releases them.
func (b *budget) claim(bytes int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bytes > 0 && b.used+bytes > b.limit {
		return refuse(http.StatusInsufficientStorage, "scans use %d of %d MiB: delete one, or raise --scan-memory",
			b.used>>20, b.limit>>20)
	}
	b.add(bytes)
	return nil
}

// book counts bytes that are already in use, even beyond the limit. It returns nil.
func (b *budget) book(bytes int64) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(bytes)
	return nil
}

// add is called with the budget locked.
func (b *budget) add(bytes int64) {
	b.used += bytes
	b.gauge.Set(float64(b.used))
}

// String is for test messages.
func (b *budget) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%d of %d bytes", b.used, b.limit)
}
