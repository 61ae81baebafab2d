package serve

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"sync"

	"ptyx/internal/badinput"
	"ptyx/internal/reconstruct"
	"ptyx/stitch"
)

// ScanLimits bound what scans may hold.
type ScanLimits struct {
	Count  int   // scans kept at the same time; 0: none are taken
	Memory int64 // bytes of all together: canvases, and frames kept for refining
}

func (l ScanLimits) check() error {
	if l.Count < 0 || l.Memory < 0 {
		return &badinput.Error{Key: "--scans, --scan-memory", Found: fmt.Sprintf("%d, %d bytes", l.Count, l.Memory), Expected: "0 or more"}
	}
	return nil
}

// scans are those that the server keeps.
type scans struct {
	limits  ScanLimits
	budget  *budget
	changed signal
	ctx     context.Context // of solvers
	stop    context.CancelFunc
	ending  chan struct{} // closed when the server shuts down: streams of events end
	once    sync.Once
	solving chan struct{} // a token: one solver at a time
	solvers sync.WaitGroup
	streams chan struct{} // tokens of streams of events
	shown   func(scans int)

	mu     sync.Mutex
	byID   map[string]*scan
	number int
}

// maxStreams is how many streams of events are served at the same time.
const maxStreams = 64

func newScans(s *Server) *scans {
	a := &scans{
		limits: s.options.Scans, budget: &budget{limit: s.options.Scans.Memory, shown: s.metrics.memory}, ending: make(chan struct{}),
		solving: make(chan struct{}, 1), streams: make(chan struct{}, maxStreams), byID: map[string]*scan{},
		shown: func(n int) { s.metrics.scans.Set(float64(n)) },
	}
	a.ctx, a.stop = context.WithCancel(context.Background())
	return a
}

// drain ends the streams of events.
func (a *scans) drain() { a.once.Do(func() { close(a.ending) }) }

// close ends the solvers, too.
func (a *scans) close() {
	a.drain()
	a.stop()
	a.solvers.Wait()
}

// scanID is what an id looks like. Ids are looked up in a map and nowhere else.
var scanID = regexp.MustCompile(`^[0-9a-f]{32}$`)

func (a *scans) find(id string) (*scan, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.byID[id]; scanID.MatchString(id) && s != nil {
		return s, nil
	}
	return nil, refuse(http.StatusNotFound, "no scan %.40q", id)
}

// list are all scans, in the order of their creation.
func (a *scans) list() []*scan {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []*scan
	for _, s := range a.byID {
		all = append(all, s)
	}
	slices.SortFunc(all, func(x, y *scan) int { return cmp.Compare(x.number, y.number) })
	return all
}

// create begins a scan.
func (a *scans) create(m *served, o scanOptions) (*scan, error) {
	canvas, err := stitch.NewGrowing(m.Contract.N, reconstruct.Weights(m.Contract))
	if err != nil {
		return nil, err
	}
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	s := &scan{
		id: hex.EncodeToString(random[:]), options: o, model: m, budget: a.budget, all: &a.changed, posts: gate{idle: make(chan struct{})},
		drawing: make(chan struct{}, 1), canvas: canvas, state: open, frames: map[int64]frame{}, pending: map[int64]chan struct{}{}, pictures: map[string]picture{},
	}
	s.ctx, s.cancel = context.WithCancel(a.ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.byID) >= a.limits.Count {
		s.cancel()
		return nil, refuse(http.StatusTooManyRequests, "%d scans are kept, and no more: delete one", len(a.byID))
	}
	a.number++
	s.number = a.number
	a.byID[s.id] = s
	a.shown(len(a.byID))
	a.changed.notify()
	return s, nil
}

// remove forgets a scan.
func (a *scans) remove(s *scan) {
	a.mu.Lock()
	delete(a.byID, s.id)
	a.shown(len(a.byID))
	a.mu.Unlock()
	s.remove()
}

// refine has the solver work on a scan, when it is its turn. done is called at the end.
func (a *scans) refine(s *scan, run Refiner, done func()) {
	a.solvers.Go(func() {
		defer done()
		select {
		case a.solving <- struct{}{}:
			defer func() { <-a.solving }()
		case <-s.ctx.Done(): // refine says so
		}
		s.refine(run)
	})
}
