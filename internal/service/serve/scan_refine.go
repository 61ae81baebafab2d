package serve

import (
	"context"
	"errors"
	"fmt"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
)

// Refiner improves a scan's object r by passes of a solver. The patterns (M, N, N) are in the order of r's positions.
type Refiner func(ctx context.Context, r *reconstruct.Result, patterns *ndarray.Float32,
	passes int) (*reconstruct.Result, error)

// refineOrFinish changes the state of a scan that accepts no more frames. It starts the solver if the client asked for
// it, and reports that. The solver counts as work of the server.
func (s *Server) refineOrFinish(a *scan) (refine bool, err error) {
	if !a.finish(s.options.Refine != nil) {
		return false, nil
	}
	if !s.gate.enter() {
		a.fail("the server is shutting down")
		return false, errClosing
	}
	s.scans.jobs.Go(func() {
		defer s.gate.leave()
		select {
		case s.scans.solving <- struct{}{}:
			defer func() { <-s.scans.solving }()
		case <-a.ctx.Done(): // refine notices it, too
		}
		a.refine(s.options.Refine)
	})
	return true, nil
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

// finish changes an open scan to refining, which it reports, or to finished.
func (s *scan) finish(canRefine bool) (refine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return false
	}
	s.state = finished
	if canRefine && s.options.Refine > 0 && len(s.frames) > 0 {
		s.state = refining
	}
	return s.state == refining
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
