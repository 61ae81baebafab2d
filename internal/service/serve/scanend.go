package serve

import (
	"context"
	"errors"
	"fmt"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
)

// Refiner goes on from a scan's object by iteration: patterns (M, N, N) belong to the positions of r, in their order.
type Refiner func(ctx context.Context, r *reconstruct.Result, patterns *ndarray.Float32, passes int) (*reconstruct.Result, error)

// close takes no more frames and waits for those on their way.
func (s *scan) close(ctx context.Context) error {
	s.posts.shut()
	select {
	case <-s.posts.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for frames: %w", ctx.Err())
	}
}

// settle gives the scan its state after the last frame, once. It reports whether there is something to refine.
func (s *scan) settle(refinable bool) (refine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != open {
		return false
	}
	s.state = finished
	if refinable && s.options.Refine > 0 && len(s.frames) > 0 {
		s.state = refining
	}
	return s.state == refining
}

// refine runs the solver.
func (s *scan) refine(run Refiner) {
	r, _, err := s.result()
	var better *reconstruct.Result
	if err == nil {
		better, err = run(s.ctx, r, s.patterns(r.IDs), s.options.Refine)
	}
	s.mu.Lock()
	s.state = finished
	switch {
	case errors.Is(err, context.Canceled):
		s.state, s.problem = failed, "cancelled"
	case err != nil:
		s.state, s.problem = failed, err.Error()
	default:
		s.refined, s.snapshot = better, nil
		s.version++
	}
	s.mu.Unlock()
	s.tell()
}

// patterns are those kept, in the order of ids.
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

// remove gives up all that the scan holds.
func (s *scan) remove() {
	s.cancel()
	s.mu.Lock()
	s.deleted = true
	_ = s.budget.take(-s.held)
	s.held, s.frames, s.canvas, s.snapshot, s.refined, s.pictures = 0, map[int64]frame{}, nil, nil, nil, nil
	s.mu.Unlock()
	s.tell()
}
