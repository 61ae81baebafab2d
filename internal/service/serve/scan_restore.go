package serve

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"ptyx/internal/service/scanstore"
)

// Pauses before frames of a stored scan go to the network again.
const (
	fullPause    = 20 * time.Millisecond // the queue is full of clients' frames
	longestPause = 5 * time.Second       // the network keeps failing
)

// store writes frames to disk, if scans are stored, and then adds them to the canvas. Frames that come from the disk
// are only added.
func (s *scan) store(frames newFrames, add func() error) error {
	if s.stored == nil || s.isRestoring() {
		return add()
	}
	f := scanstore.Frames{IDs: frames.ids, X: frames.x, Y: frames.y, Patterns: frames.patterns}
	return s.ofStore(s.stored.Append(f, add))
}

// ofStore says why a store is closed.
func (s *scan) ofStore(err error) error {
	if !errors.Is(err, fs.ErrClosed) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return errDeleted
	}
	return errClosing
}

func (s *scan) isRestoring() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == restoring
}

// storeNew creates a scan on disk, if scans are stored.
func (a *scans) storeNew(s *scan) (err error) {
	if a.store == nil {
		return nil
	}
	options, err := s.toStore(0)
	if err != nil {
		return err
	}
	head := scanstore.Head{Number: s.number, N: s.model.Contract.N, Digest: s.model.Digest, Options: options}
	s.stored, err = a.store.Create(s.id, head)
	return err
}

// listStored adds the stored scans to the list, without their frames.
func (a *scans) listStored(s *Server) error {
	stored, faults, err := a.store.Scans()
	if err != nil {
		return err
	}
	for _, f := range faults {
		a.skip(f.ID, f.Err)
	}
	for _, k := range stored {
		a.number = max(a.number, k.Head().Number)
		if err := a.register(s, k); err != nil {
			a.skip(k.ID, err)
		}
	}
	return nil
}

// register adds a stored scan to the list if its options and model suit this server.
func (a *scans) register(s *Server, k *scanstore.Scan) error {
	h := k.Head()
	var o storedOptions
	if err := decodeJSON(h.Options, &o); err != nil {
		return fmt.Errorf("its options: %w", err)
	}
	m, err := o.check(s)
	switch {
	case err != nil:
		return err
	case m.Digest != h.Digest:
		return fmt.Errorf("model %s is another file now: %.12s..., not %.12s..., which made the object", o.Model,
			m.Digest, h.Digest)
	case m.Contract.N != h.N:
		return fmt.Errorf("patterns of %d pixels, for a model of %d", h.N, m.Contract.N)
	case len(a.byID) >= a.limits.Count:
		return fmt.Errorf("there are %d scans, the most that the server keeps: raise --scans", len(a.byID))
	}
	own, err := o.ownProbe(m)
	if err != nil {
		return fmt.Errorf("its options: %w", err)
	}
	r, err := a.newScan(k.ID, m, o.scanOptions, own)
	if err != nil {
		return err
	}
	r.probe.restoreExposure(o)
	r.state, r.number, r.stored = restoring, h.Number, k
	a.byID[k.ID] = r
	return nil
}

// skip leaves a stored scan on disk, unserved, and logs why. Requests for it get another answer than for an unknown
// one.
func (a *scans) skip(id string, why error) {
	a.log.Warn("a stored scan is not served", "scan", id, "error", why)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.unserved[id] = true
	delete(a.byID, id)
	a.gauge.Set(float64(len(a.byID)))
}

// startRestoring restores the listed scans in the background, one after the other.
func (a *scans) startRestoring(s *Server) {
	stored := a.list()
	if len(stored) == 0 {
		close(a.restored)
		return
	}
	a.jobs.Go(func() {
		defer close(a.restored)
		for _, r := range stored {
			a.restore(s, r)
		}
	})
}

// allRestored reports whether all stored scans are restored or skipped.
func (a *scans) allRestored() bool {
	select {
	case <-a.restored:
		return true
	default:
		return false
	}
}

// restore sends the frames of a stored scan through the network.
func (a *scans) restore(s *Server, r *scan) {
	damage, err := r.stored.Replay(func(f scanstore.Frames) error { return s.restoreFrames(r, f) })
	switch {
	case r.ctx.Err() != nil || errors.Is(err, fs.ErrClosed): // the scan was deleted, or the server shuts down
	case err != nil:
		a.skip(r.id, err)
		r.remove()
		_ = r.stored.Close() // nothing was written
	default:
		s.reopen(r, damage)
	}
}

// restoreFrames adds stored frames. If the network or a worker fails, it tries again: they may work later.
func (s *Server) restoreFrames(r *scan, f scanstore.Frames) error {
	for pause := fullPause; ; {
		n, _, err := r.add(r.ctx, newFrames{ids: f.IDs, x: f.X, y: f.Y, patterns: f.Patterns})
		s.metrics.frames.WithLabelValues("returned").Add(float64(n))
		if err == nil {
			return nil
		}
		switch status, _ := explain(err); status {
		case http.StatusBadRequest, http.StatusUnprocessableEntity:
			// The earlier server would have refused them, too, but ended first.
			s.options.Log.Warn("stored frames of a scan are refused", "scan", r.id, "error", err)
			return nil
		case http.StatusTooManyRequests:
		case http.StatusInternalServerError:
			s.reportRetry(r, err)
			pause = min(2*pause, longestPause)
		default:
			return err
		}
		if !sleep(r.ctx, pause) {
			return r.ctx.Err()
		}
	}
}

// reportRetry says once that a scan cannot be restored yet.
func (s *Server) reportRetry(r *scan, why error) {
	r.mu.Lock()
	reported := r.problem != ""
	r.problem = "the network fails; the server keeps trying, and its log says more"
	r.mu.Unlock()
	if !reported {
		s.options.Log.Warn("a scan cannot be restored yet; the server keeps trying", "scan", r.id, "error", why)
	}
	r.notify()
}

// sleep returns after d, or reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// reopen makes a restored scan available. A finished one is finished again, and its solver runs again, since its result
// follows from the frames. damage says what of the journal was lost.
func (s *Server) reopen(r *scan, damage string) {
	if damage != "" {
		s.options.Log.Warn("a scan is restored, but not completely", "scan", r.id, "error", damage)
	}
	done := r.stored.Head().Finished
	if done {
		r.posts.shut()
	}
	r.probe.stored = 0 // with no frame with light in the object, the next ones decide
	r.mu.Lock()
	r.state, r.problem = open, damage
	frames := len(r.frames)
	r.mu.Unlock()
	s.options.Log.Info("a scan is restored", "scan", r.id, "frames", frames, "finished", done)
	if done {
		_ = s.refineOrFinish(r) // an error is in the scan's status
	}
	r.notify()
	if done && !s.solves(r) {
		<-r.rest // so that a server that is ready has the last object
	}
}
