package serve

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/scanstore"
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
	kept    *scanstore.Store // nil: scans end with the server
	log     *slog.Logger
	budget  *budget
	changed signal
	ctx     context.Context // of solvers
	stop    context.CancelFunc
	ending  chan struct{} // closed when the server shuts down: streams of events end
	once    sync.Once
	solving chan struct{}  // a token: one solver at a time
	work    sync.WaitGroup // solvers, and scans that come back
	// returned is closed when all scans of an earlier server are back.
	returned chan struct{}
	streams  chan struct{} // tokens of streams of events
	shown    func(scans int)

	creating sync.Mutex // held while a scan is made
	mu       sync.Mutex
	byID     map[string]*scan
	left     map[string]bool // ids of scans that are on the disk and not served
	number   int
}

// maxStreams is how many streams of events are served at the same time.
const maxStreams = 64

// newScans lists the scans that an earlier server has kept; begin has them come back.
func newScans(s *Server) (*scans, error) {
	a := &scans{
		limits: s.options.Scans, log: s.options.Log, budget: &budget{limit: s.options.Scans.Memory, shown: s.metrics.memory},
		ending: make(chan struct{}), returned: make(chan struct{}), solving: make(chan struct{}, 1), streams: make(chan struct{}, maxStreams),
		byID: map[string]*scan{}, left: map[string]bool{},
		shown: func(n int) { s.metrics.scans.Set(float64(n)) },
	}
	a.ctx, a.stop = context.WithCancel(context.Background())
	if s.options.Store == "" {
		return a, nil
	}
	var err error
	if a.kept, err = scanstore.Open("--store", s.options.Store); err != nil {
		return nil, err
	}
	if err := a.expect(s); err != nil {
		return nil, errors.Join(err, a.kept.Close())
	}
	a.shown(len(a.byID))
	return a, nil
}

// begin has the scans come back that are listed so far, all of them an earlier server's.
func (a *scans) begin(s *Server) {
	expected := a.list()
	if len(expected) == 0 {
		close(a.returned)
		return
	}
	a.work.Go(func() { a.bringBack(s, expected) })
}

// drain ends the streams of events.
func (a *scans) drain() { a.once.Do(func() { close(a.ending) }) }

// close ends the solvers, too, and leaves on the disk what is there.
func (a *scans) close() error {
	a.drain()
	a.stop()
	a.work.Wait()
	if a.kept == nil {
		return nil
	}
	var errs []error
	for _, s := range a.list() {
		errs = append(errs, s.stored.Close())
	}
	return errors.Join(append(errs, a.kept.Close())...)
}

// find looks an id up in a map: what a client sends is never a path.
func (a *scans) find(id string) (*scan, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.byID[id]; scanstore.IsID(id) && s != nil {
		return s, nil
	}
	if a.left[id] {
		return nil, refuse(http.StatusConflict, "scan %s is on the server's disk and not served; the server's log says why", id)
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

// make is a scan that nobody knows of yet.
func (a *scans) make(id string, m *served, o scanOptions) (*scan, error) {
	canvas, err := stitch.NewGrowing(m.Contract.N, reconstruct.Weights(m.Contract))
	if err != nil {
		return nil, err
	}
	s := &scan{
		id: id, options: o, model: m, budget: a.budget, all: &a.changed, posts: gate{idle: make(chan struct{})},
		drawing: make(chan struct{}, 1), canvas: canvas, state: open, frames: map[int64]frame{}, pending: map[int64]chan struct{}{}, providers: map[string]bool{}, pictures: map[string]picture{},
	}
	s.ctx, s.cancel = context.WithCancel(a.ctx)
	return s, nil
}

// next is the number of the next scan, if there is room for one.
func (a *scans) next() (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.byID) >= a.limits.Count {
		return 0, refuse(http.StatusTooManyRequests, "%d scans are kept, and no more: delete one", len(a.byID))
	}
	a.number++
	return a.number, nil
}

// create begins a scan. It is on the disk before anybody hears of it.
func (a *scans) create(m *served, o scanOptions) (*scan, error) {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	s, err := a.make(hex.EncodeToString(random[:]), m, o)
	if err != nil {
		return nil, err
	}
	a.creating.Lock()
	defer a.creating.Unlock()
	if s.number, err = a.next(); err == nil {
		err = a.store(s)
	}
	if err != nil {
		s.cancel()
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byID[s.id] = s
	a.shown(len(a.byID))
	a.changed.notify()
	return s, nil
}

// remove forgets a scan, also on the disk, and there first.
func (a *scans) remove(s *scan) error {
	if s.stored != nil {
		if err := s.stored.Remove(); err != nil {
			return err
		}
	}
	a.mu.Lock()
	delete(a.byID, s.id)
	a.shown(len(a.byID))
	a.mu.Unlock()
	s.remove()
	return nil
}

// refine has the solver work on a scan, when it is its turn. done is called at the end.
func (a *scans) refine(s *scan, run Refiner, done func()) {
	a.work.Go(func() {
		defer done()
		select {
		case a.solving <- struct{}{}:
			defer func() { <-a.solving }()
		case <-s.ctx.Done(): // refine says so
		}
		s.refine(run)
	})
}
