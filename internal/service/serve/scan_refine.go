package serve

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
)

// Refiner improves a scan's object r by passes of a solver. The patterns (M, N, N) are in the order of r's positions.
type Refiner func(ctx context.Context, r *reconstruct.Result, patterns *ndarray.Float32,
	passes int) (*reconstruct.Result, error)

// refineOrFinish changes the state of a scan that accepts no more frames, and starts what is left to do: patches are
// turned to one phase, the trend is added, and the solver runs if the client asked for it. This counts as work of the
// server. The scan's rest is closed when it is done.
func (s *Server) refineOrFinish(a *scan) error {
	if !a.finish(s.options.Refine != nil) {
		return nil
	}
	if !s.gate.enter() {
		a.fail("the server is shutting down")
		close(a.rest)
		return errClosing
	}
	s.scans.jobs.Go(func() {
		defer close(a.rest)
		defer s.gate.leave()
		defer a.patches.Close()
		if !s.scans.turning.during(a.ctx, func() { s.turn(a) }) || a.ctx.Err() != nil {
			a.fail("cancelled") // the server is shutting down, or the scan was deleted
			return
		}
		if !s.solves(a) {
			a.conclude()
			return
		}
		if !s.scans.solving.during(a.ctx, func() { a.refine(s.options.Refine) }) {
			a.fail("cancelled")
		}
	})
	return nil
}

// turn turns the patches of a scan to one phase.
func (s *Server) turn(a *scan) {
	if err := a.agree(); err != nil && a.ctx.Err() == nil {
		s.options.Log.Warn("the object of a scan is less good than it could be", "scan", a.id, "error", err)
	}
}

// solves reports whether the solver refines the object of a scan.
func (s *Server) solves(a *scan) bool { return s.options.Refine != nil && a.options.Refine > 0 }

// single lets one scan at a time do something: it holds a token meanwhile.
type single chan struct{}

// during does something when it is its turn, and reports that; if ctx is done before, it does nothing.
func (o single) during(ctx context.Context, do func()) bool {
	select {
	case o <- struct{}{}:
		defer func() { <-o }()
	case <-ctx.Done():
		return false
	}
	do()
	return true
}

// close refuses further frames and waits for those in the network.
func (s *scan) close(ctx context.Context) error {
	s.posts.shut()
	select {
	case <-s.posts.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for frames: %w", ctx.Err())
	}
}

// finish changes an open scan to refining, which it reports, or to finished if there is nothing left to do. Then rest
// is closed.
func (s *scan) finish(canRefine bool) (refine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return false
	}
	s.state = finished
	if (canRefine && s.options.Refine > 0 || s.patches != nil) && len(s.frames) > 0 {
		s.state = refining
		return true
	}
	close(s.rest)
	return false
}

// agree turns the patches to one phase and adds the trend, as ptyx infer does. An error says what the object lacks.
func (s *scan) agree() error {
	if s.patches == nil {
		return nil
	}
	s.mu.Lock()
	canvas := s.canvas
	s.mu.Unlock()
	if canvas == nil { // the scan was deleted
		return nil
	}
	agreed, err := s.patches.Agree(s.ctx, canvas, reconstruct.Optics{Probe: s.probe.current()}, nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.deleted:
		return nil
	case err != nil:
		err = fmt.Errorf("the patches were not turned to one phase: %w", err)
	default:
		s.canvas = agreed.Canvas
		s.version++
		if err = agreed.Untrended; err != nil {
			err = fmt.Errorf("the object has no trend: %w", err)
		}
	}
	if err != nil {
		s.problem = strings.TrimPrefix(s.problem+"; "+err.Error(), "; ")
	}
	return err
}

// conclude marks the scan as finished, and shows its last object.
func (s *scan) conclude() {
	s.mu.Lock()
	s.state = finished
	s.mu.Unlock()
	s.view.Changed(viewed{s}.Box())
	s.notify()
}

// fail marks the scan as failed.
func (s *scan) fail(why string) {
	s.mu.Lock()
	s.state, s.problem = failed, why
	s.mu.Unlock()
	s.notify()
}

// refine runs the solver.
func (s *scan) refine(run Refiner) {
	r, err := s.acquire(s.budget.book) // a slow reader of an earlier version must not fail the scan
	var refined *reconstruct.Result
	if err == nil {
		defer s.endReading(r)
		r.complete()
		refined, err = run(s.ctx, r.Result, s.patterns(r.IDs), s.options.Refine)
	}
	switch {
	case errors.Is(err, context.Canceled):
		s.fail("cancelled")
	case err != nil:
		s.fail(err.Error())
	default:
		s.mu.Lock()
		_ = s.retire(s.budget.book)
		s.version++
		s.state = finished
		s.latest = &snapshot{Result: refined, version: s.version, complete: func() {}, refined: true}
		s.mu.Unlock()
		s.view.Changed(viewed{s}.Box())
		s.notify()
	}
}

// patterns returns the kept patterns (M, N, N) in the order of ids.
func (s *scan) patterns(ids []int64) *ndarray.Float32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.model.Contract.N
	out := ndarray.New[float32](len(ids), n, n)
	for i, id := range ids {
		copy(out.Data[i*n*n:], s.frames[id].pattern)
	}
	return out
}
