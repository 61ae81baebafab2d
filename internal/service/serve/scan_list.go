package serve

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/service/scanstore"
	"ptyx/internal/service/viewer"
)

// ScanLimits bound what scans may hold.
type ScanLimits struct {
	Count  int   // scans at the same time; 0: scans are not served
	Memory int64 // bytes of all scans together: canvases, and frames kept for refining
}

// mostPatches is how many bytes of patches and patterns a scan may keep on disk, as ptyx watch by default.
const mostPatches = 8_000_000_000

// scans is the list of the server's scans.
type scans struct {
	limits     ScanLimits
	store      *scanstore.Store // nil: scans end with the server
	dir        string           // of the store; empty: there is none
	log        *slog.Logger
	budget     *budget
	gauge      prometheus.Gauge // number of scans
	changed    signal
	ctx        context.Context // of solvers and restores
	stop       context.CancelFunc
	streaming  context.Context // of streams of events
	endStreams context.CancelFunc
	turning    single         // of patches to one phase
	solving    single         // of the solver
	streams    chan struct{}  // holds a token for each stream of events, or of an object
	jobs       sync.WaitGroup // solvers, and the restore
	restored   chan struct{}  // closed when all stored scans are restored

	creating sync.Mutex // held while a scan is created
	mu       sync.Mutex
	byID     map[string]*scan
	unserved map[string]bool // ids of stored scans that cannot be served
	number   int             // of the newest scan
}

// maxStreams is how many streams of events and objects are served at the same time. A page has one of each.
const maxStreams = 128

// enterStream counts a stream until leave is called.
func (a *scans) enterStream() (leave func(), err error) {
	select {
	case a.streams <- struct{}{}:
		return func() { <-a.streams }, nil
	default:
		return nil, refuse(http.StatusTooManyRequests, "%d streams are open, the most that the server allows",
			maxStreams)
	}
}

// newScans lists the stored scans. startRestoring restores them.
func newScans(s *Server) (*scans, error) {
	a := &scans{
		limits: s.options.Scans, dir: s.options.Store, log: s.options.Log, gauge: s.metrics.scans,
		budget:  &budget{limit: s.options.Scans.Memory, gauge: s.metrics.memory},
		turning: make(single, 1), solving: make(single, 1), streams: make(chan struct{}, maxStreams),
		restored: make(chan struct{}), byID: map[string]*scan{}, unserved: map[string]bool{},
	}
	a.ctx, a.stop = context.WithCancel(context.Background())
	a.streaming, a.endStreams = context.WithCancel(context.Background())
	if s.options.Store == "" {
		return a, nil
	}
	var err error
	if a.store, err = scanstore.Open("--store", s.options.Store); err != nil {
		return nil, err
	}
	if err := a.listStored(s); err != nil {
		return nil, errors.Join(err, a.store.Close())
	}
	a.gauge.Set(float64(len(a.byID)))
	return a, nil
}

// close ends streams, solvers and restores. Stored scans stay on disk.
func (a *scans) close() error {
	a.endStreams()
	a.stop()
	a.jobs.Wait()
	if a.store == nil {
		return nil
	}
	var errs []error
	for _, s := range a.list() {
		errs = append(errs, s.stored.Close())
	}
	return errors.Join(append(errs, a.store.Close())...)
}

// find returns the scan with an id.
func (a *scans) find(id string) (*scan, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.byID[id]; s != nil {
		return s, nil
	}
	if a.unserved[id] {
		return nil, refuse(http.StatusConflict,
			"scan %s is on the server's disk and not served; the server's log says why", id)
	}
	return nil, refuse(http.StatusNotFound, "no scan %.40q", id)
}

// list returns all scans in the order of their creation.
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

// newScan makes a scan that is not in the list yet. own is its probe (N, N); nil: the model's.
func (a *scans) newScan(id string, m *served, o scanOptions, own *ndarray.Complex64) (*scan, error) {
	c, probe := m.Contract, newScanProbe(m.Contract, own)
	c.Probe = probe.current()
	canvas, err := reconstruct.NewCanvas(c)
	if err != nil {
		return nil, err
	}
	s := &scan{
		id: id, options: o, model: m, probe: probe, budget: a.budget, anyChanged: &a.changed, posts: newGate(),
		drawing: make(chan struct{}, 1), rest: make(chan struct{}), canvas: canvas, state: open,
		patches: reconstruct.KeepPatches(c, a.dir, mostPatches), frames: map[int64]frame{},
		pending: map[int64]chan struct{}{}, providers: map[string]bool{}, pictures: map[string]picture{},
	}
	s.ctx, s.cancel = context.WithCancel(a.ctx)
	s.view = viewer.New(viewed{s}, m.Contract.N)
	return s, nil
}

// nextNumber returns the number of the next scan, if the limit allows one.
func (a *scans) nextNumber() (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.byID) >= a.limits.Count {
		return 0, refuse(http.StatusTooManyRequests, "there are %d scans, the most that the server keeps: delete one",
			len(a.byID))
	}
	a.number++
	return a.number, nil
}

// create makes a scan. If scans are stored, it is on disk before it is in the list.
func (a *scans) create(m *served, o scanOptions, own *ndarray.Complex64) (*scan, error) {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails
	s, err := a.newScan(hex.EncodeToString(random[:]), m, o, own)
	if err != nil {
		return nil, err
	}
	a.creating.Lock()
	defer a.creating.Unlock()
	if s.number, err = a.nextNumber(); err == nil {
		err = a.storeNew(s)
	}
	if err != nil {
		s.cancel()
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.byID[s.id] = s
	a.gauge.Set(float64(len(a.byID)))
	a.changed.notify()
	return s, nil
}

// remove deletes a scan, first from the disk.
func (a *scans) remove(s *scan) error {
	if s.stored != nil {
		if err := s.stored.Remove(); err != nil {
			return err
		}
	}
	a.mu.Lock()
	delete(a.byID, s.id)
	a.gauge.Set(float64(len(a.byID)))
	a.mu.Unlock()
	s.remove()
	return nil
}
