package watch

import (
	"context"
	"errors"
	"strings"
	"testing"

	fr "ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/reconstruct"
)

// narrow is a solver with room for a few frames.
type narrow struct {
	room, added int
	finished    bool
}

func (s *narrow) Add(int64, float64, float64, []float32, []bool) error {
	if s.added++; s.added > s.room {
		return errors.New("no room")
	}
	return nil
}

func (s *narrow) Run(ctx context.Context, _ func(fr.Box) *ndarray.Complex64) error {
	<-ctx.Done()
	return nil
}

func (s *narrow) Finish(_ context.Context, r *reconstruct.Result) (*reconstruct.Result, error) {
	s.finished = true
	return r, nil
}

func (s *narrow) Start(*ndarray.Complex64)                        {}
func (s *narrow) Show(*reconstruct.Result)                        {}
func (s *narrow) Look(_, _, _, _, _ int, _ []complex64, _ []bool) {}
func (s *narrow) Probe() *ndarray.Complex64                       { return nil }
func (s *narrow) Changed() (b fr.Box)                             { return b }
func (s *narrow) Version() int                                    { return 0 }

// TestFramesThatAreNotRefined: they are counted, the log says what to do, and the solver makes no last passes.
func TestFramesThatAreNotRefined(t *testing.T) {
	const count = 7
	for room, want := range map[int]int{3: 4, count: 0} {
		r, solver := watching(t), &narrow{room: room}
		r.o.Refiner = solver
		r.step(func() { write(t, r.path("all.npz"), members(scanData(count), upTo(count), true)) })
		out, err := Run(t.Context(), r.o)
		if err != nil {
			t.Fatal(err)
		}
		warned := strings.Contains(r.log.String(), "raise --keep-gb")
		if out.Unrefined != want || out.Frames != count || solver.finished != (want == 0) || warned != (want > 0) {
			t.Errorf("room for %d frames: %d not refined, expected %d; finished: %v; log %s", room, out.Unrefined, want,
				solver.finished, r.log.String())
		}
	}
}
