package serve

import (
	"net/http"
	"sync"

	"ptyx/internal/recon/reconstruct"
)

// snapshot is the object of a version. Several requests may read it at the same time; nobody may change it.
type snapshot struct {
	*reconstruct.Result
	version  int
	complete func() // computes the arrays if nobody has yet
	readers  int    // requests and solvers that use it; with the scan locked
	refined  bool   // by the solver
	retired  bool   // a later version has its place in the scan's memory, so its own bytes are claimed
}

// snapshotBytes are those of a pixel in the arrays of a snapshot: at most half of those in the canvas.
const snapshotBytes = 16

func (p *snapshot) bytes() int64 { return snapshotBytes * int64(len(p.Object.Data)) }

var errReaders = &failure{
	http.StatusTooManyRequests, "slow requests still read earlier versions of this object, and --scan-memory has no " +
		"room for one more version; try again in a moment",
}

// object returns the object so far, or the refined one. The caller calls release when it no longer reads it.
func (s *scan) object() (p *snapshot, release func(), err error) {
	if p, err = s.acquire(s.budget.claim); err != nil {
		return nil, nil, err
	}
	p.complete()
	return p, func() { s.endReading(p) }, nil
}

// acquire returns the snapshot of the current version, perhaps not complete yet. Frames can be added at once: to
// complete it needs no lock of the scan. claim reserves memory for an earlier version that is still read.
func (s *scan) acquire(claim func(bytes int64) error) (*snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.deleted:
		return nil, errDeleted
	case s.state == restoring:
		return nil, errRestoring
	case len(s.frames) == 0:
		return nil, refuse(http.StatusConflict, "the scan has no frames yet")
	case s.latest == nil || s.latest.version != s.version:
		if err := s.retire(claim); err != nil {
			return nil, errReaders
		}
		placed := make([]reconstruct.Placed, 0, len(s.frames))
		for id, f := range s.frames {
			placed = append(placed, reconstruct.Placed{ID: id, X: f.x, Y: f.y})
		}
		r, complete := reconstruct.FromFrames(s.canvas, reconstruct.JoinProviders(s.providers), s.probe.current(),
			placed)
		r.Extra = s.probe.members()
		_, r.Fallback = s.model.device()
		s.latest = &snapshot{Result: r, version: s.version, complete: sync.OnceFunc(complete)}
	}
	s.latest.readers++
	return s.latest, nil
}

// retire drops the latest snapshot, with the scan locked. If it is still read, it needs memory of its own.
func (s *scan) retire(claim func(bytes int64) error) error {
	if p := s.latest; p != nil && p.readers > 0 {
		if err := claim(p.bytes()); err != nil {
			return err
		}
		p.retired = true
	}
	s.latest = nil
	return nil
}

// endReading ends the use of a snapshot.
func (s *scan) endReading(p *snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.readers--; p.readers == 0 && p.retired {
		_ = s.budget.claim(-p.bytes()) // releasing never fails
	}
}
