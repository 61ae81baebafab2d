package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"ptyx/internal/service/scanstore"
)

// keep has frames kept on disk, if scans are, and then lays them; those that come from there are laid at once.
func (s *scan) keep(frames newFrames, lay func() error) error {
	if s.stored == nil || s.isReturning() {
		return lay()
	}
	err := s.stored.Append(scanstore.Frames{IDs: frames.ids, X: frames.x, Y: frames.y, Patterns: frames.patterns}, lay)
	if !errors.Is(err, fs.ErrClosed) {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.deleted {
		return errGone
	}
	return errClosing
}

func (s *scan) isReturning() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == returning
}

// store makes a new scan last.
func (a *scans) store(s *scan) (err error) {
	if a.kept == nil {
		return nil
	}
	options, err := json.Marshal(s.options)
	if err != nil {
		return err
	}
	s.stored, err = a.kept.Create(s.id, scanstore.Head{Number: s.number, N: s.model.Contract.N, Digest: s.model.Digest, Options: options})
	return err
}

// expect reads which scans an earlier server has left. They are listed from now on, and come back with bringBack.
func (a *scans) expect(s *Server) error {
	stored, faults, err := a.kept.Scans()
	if err != nil {
		return err
	}
	for _, f := range faults {
		a.leave(f.ID, f.Err)
	}
	for _, k := range stored {
		a.number = max(a.number, k.Head().Number)
		if err := a.announce(s, k); err != nil {
			a.leave(k.ID, err)
		}
	}
	return nil
}

// announce lists a scan that comes back. What was good for the server that kept it may not be good for this one.
func (a *scans) announce(s *Server, k *scanstore.Scan) error {
	h := k.Head()
	var o scanOptions
	if err := decodeJSON(h.Options, &o); err != nil {
		return fmt.Errorf("its options: %w", err)
	}
	m, err := o.check(s)
	switch {
	case err != nil:
		return err
	case m.Digest != h.Digest:
		return fmt.Errorf("model %s is another file now: %.12s..., not %.12s..., whose object was begun", o.Model, m.Digest, h.Digest)
	case m.Contract.N != h.N:
		return fmt.Errorf("patterns of %d pixels, for a model of %d", h.N, m.Contract.N)
	case len(a.byID) >= a.limits.Count:
		return fmt.Errorf("%d scans are kept, and no more: raise --scans", len(a.byID))
	}
	back, err := a.make(k.ID, m, o)
	if err != nil {
		return err
	}
	back.state, back.number, back.stored = returning, h.Number, k
	a.byID[k.ID] = back
	return nil
}

// leave has a scan stay on disk, unserved. It says so here; whoever asks for the scan is not told that there is none.
func (a *scans) leave(id string, why error) {
	a.log.Warn("a scan stays on the disk and is not served", "scan", id, "error", why)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.left[id] = true
	delete(a.byID, id)
	a.shown(len(a.byID))
}

// bringBack has the frames of scans that are expected go through the network again, one scan after the other.
func (a *scans) bringBack(s *Server, expected []*scan) {
	defer close(a.returned)
	for _, back := range expected {
		mended, err := back.stored.Replay(func(f scanstore.Frames) error { return s.again(back, f) })
		switch {
		case back.ctx.Err() != nil || errors.Is(err, fs.ErrClosed): // deleted, or the server ends
		case err != nil:
			a.leave(back.id, err)
			back.remove()
			_ = back.stored.Close() // nothing was written
		default:
			s.welcome(back, mended)
		}
	}
}

// again takes frames in that were taken in before. A network that fails, here or at a worker, may do better later: the scan waits for it, and says so.
func (s *Server) again(back *scan, f scanstore.Frames) error {
	for pause := fullTime; ; {
		n, _, err := back.add(back.ctx, newFrames{ids: f.IDs, x: f.X, y: f.Y, patterns: f.Patterns})
		s.metrics.frames.WithLabelValues("returned").Add(float64(n))
		status, _ := explain(err)
		switch {
		case err == nil:
			return nil
		case status == http.StatusBadRequest || status == http.StatusUnprocessableEntity: // then, too, but the server ended before it said so
			s.options.Log.Warn("frames of a scan that comes back are refused", "scan", back.id, "error", err)
			return nil
		case status == http.StatusInternalServerError:
			s.hold(back, err)
			pause = min(2*pause, failTime)
		case status != http.StatusTooManyRequests:
			return err
		}
		if !wait(back.ctx, pause) {
			return back.ctx.Err()
		}
	}
}

// hold says, once, why a scan does not come back yet.
func (s *Server) hold(back *scan, why error) {
	back.mu.Lock()
	told := back.problem != ""
	back.problem = "the network fails, and is tried again; the server's log says more"
	back.mu.Unlock()
	if !told {
		s.options.Log.Warn("a scan does not come back yet, and is tried again and again", "scan", back.id, "error", why)
	}
	back.tell()
}

// fullTime is how long frames that come back wait where a queue is full of what clients have sent.
const fullTime = 20 * time.Millisecond

// failTime is how long they wait, at most, where the network fails again and again.
const failTime = 5 * time.Second

// wait reports false when ctx ends before.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// welcome ends the return of a scan. One that was finished is so again; its solver, whose result follows from the frames, works anew.
func (s *Server) welcome(back *scan, mended string) {
	if mended != "" {
		s.options.Log.Warn("a scan has come back, but not as a whole", "scan", back.id, "error", mended)
	}
	done := back.stored.Head().Finished
	if done {
		back.posts.shut()
	}
	back.mu.Lock()
	back.state, back.problem = open, mended
	frames := len(back.frames)
	back.mu.Unlock()
	s.options.Log.Info("a scan has come back", "scan", back.id, "frames", frames, "finished", done)
	if done {
		_, _ = s.conclude(back) // a server that ends says so in the scan
	}
	back.tell()
}

// back tells whether all scans have come back.
func (a *scans) back() bool {
	select {
	case <-a.returned:
		return true
	default:
		return false
	}
}
