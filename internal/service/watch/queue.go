package watch

import (
	"sync"
	"time"

	"ptyx/internal/base/choice"
	"ptyx/internal/base/scratch"
)

// Policy says what happens to frames that come faster than the network computes.
type Policy string

// The policies.
const (
	Wait Policy = "wait" // the sender waits
	Skip Policy = "skip" // the network gets every second, fourth... frame at once, and the others later
)

// UnmarshalText reads a policy from a flag.
func (p *Policy) UnmarshalText(text []byte) error { return choice.Set(p, text, Wait, Skip) }

// arrival is a frame that has come from the detector.
type arrival struct {
	id      int64
	pattern []float32 // (N, N); nil: in the store
	place   int       // in the store
	sum     uint64    // of the pattern
	at      time.Time // when its last byte had come
	fault   error     // why it cannot be used
}

// queue holds arrivals for the network. Those that decode frames put them; one goroutine takes them. It holds few
// frames in memory; with the policy Skip, more of them on disk.
type queue struct {
	most   int // frames in memory
	policy Policy
	store  *scratch.Store
	full   func(error) // is called when a frame cannot be kept

	news chan struct{} // has an element after a put

	mu     sync.Mutex
	room   *sync.Cond
	now    []arrival // for the network at once
	kept   []arrival // for later, on disk
	every  int64     // the network gets the frames whose ids this divides
	busy   int       // puts since every has changed
	closed bool
}

func newQueue(most int, policy Policy, s *scratch.Store, full func(error)) *queue {
	q := &queue{most: most, policy: policy, store: s, full: full, every: 1, news: make(chan struct{}, 1)}
	q.room = sync.NewCond(&q.mu)
	return q
}

// mostSkipped is the largest interval between two frames for the network.
const mostSkipped = 1 << 10

// put adds a frame. If the queue is full, it waits, or keeps the frame for later.
func (q *queue) put(a arrival) {
	defer q.notify()
	if q.skips(a.id) && a.fault == nil {
		place, err := q.store.Put(a.pattern)
		if err == nil {
			a.pattern, a.place = nil, place
			q.mu.Lock()
			q.kept = append(q.kept, a)
			q.mu.Unlock()
			return
		}
		q.full(err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.now) >= q.most && !q.closed {
		q.room.Wait()
	}
	q.now = append(q.now, a)
}

// skips reports whether a frame is for later. While the queue stays more than half full, the interval doubles.
func (q *queue) skips(id int64) bool {
	if q.policy != Skip {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy++
	if len(q.now) > q.most/2 && q.busy > q.most/2 && q.every < mostSkipped {
		q.every, q.busy = 2*q.every, 0
	}
	return id%q.every != 0 || len(q.now) >= q.most
}

func (q *queue) notify() {
	select {
	case q.news <- struct{}{}:
	default:
	}
}

// take returns up to count frames, without waiting: first those for now, and if there are none, those for later. When
// the network has caught up, the interval halves.
func (q *queue) take(count int) []arrival {
	q.mu.Lock()
	defer q.mu.Unlock()
	from := &q.now
	if len(q.now) == 0 {
		if q.every > 1 {
			q.every, q.busy = q.every/2, 0
		}
		from = &q.kept
	}
	some := append([]arrival(nil), (*from)[:min(count, len(*from))]...)
	rest := (*from)[len(some):]
	clear((*from)[:len(some)]) // frees the patterns
	if *from = rest; len(rest) == 0 {
		*from = nil
	}
	q.room.Broadcast()
	return some
}

// lengths are the frames for now and for later, and the interval between frames for the network.
func (q *queue) lengths() (now, kept int, every int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.now), len(q.kept), q.every
}

// close lets all puts end without waiting.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.room.Broadcast()
}
