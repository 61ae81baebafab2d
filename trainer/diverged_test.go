package trainer

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"ptyx/models"
)

// A NaN in a later epoch ends the training with the batch named, before the parameters take it in; the state file is
// that of the last finished epoch.
func TestTheLastGoodStateIsKept(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		spoil func(f *Fitter)
		want  string
	}{
		{"loss", func(f *Fitter) { f.state.Parameters[len(f.state.Parameters)-1].Data[0] = float32(math.NaN()) },
			"epoch 2, batch 2: the loss is NaN"},
		{"gradient", func(f *Fitter) {
			for _, r := range f.replicas {
				r.training = infinite{r}
			}
		}, "epoch 2, batch 2: the gradient is +Inf"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := small()
			c.BatchSize = 1
			r, progress := request(c, opened(t, simulated(t, 3, 1)), fast(t, 1))
			b := bindRequest(t, r, 1)
			path, specs := filepath.Join(t.TempDir(), StateFile), b.step.Config.Net.Specs()
			b.fitter.checkpoint = func() error { return b.state.SaveState(path, specs, "digest") }
			progress.afterBatch = func(batches int) {
				if batches == 4 { // of 3 an epoch
					tc.spoil(b.fitter)
				}
			}
			err := b.fitter.Run(context.Background())
			var diverged *Diverged
			if !errors.As(err, &diverged) || diverged.Finished != 1 || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want %q", err, tc.want)
			}
			if len(progress.losses) != 4 {
				t.Errorf("%d batches count as done", len(progress.losses))
			}
			kept := bindRequest(t, r, 1).state
			if err := kept.LoadState(path, specs, "digest"); err != nil {
				t.Fatal(err)
			}
			if kept.Epoch != 1 || kept.Batch != 0 || len(kept.History) != 1 {
				t.Errorf("the state is of epoch %d, batch %d", kept.Epoch, kept.Batch)
			}
			mustBeFinite(t, specs, kept)
		})
	}
}

func mustBeFinite(t *testing.T, specs []models.Spec, s *State) {
	t.Helper()
	for i, p := range s.Parameters {
		for _, v := range p.Data {
			if !(math.Abs(float64(v)) <= math.MaxFloat32) {
				t.Fatalf("%s holds %v", specs[i].Name, v)
			}
		}
	}
}

// infinite is a binding whose loss is a number and whose gradient is none.
type infinite struct{ r *replica }

func (i infinite) Run() error {
	i.r.loss.Data[0] = 1
	i.r.grads[0].Data[0] = float32(math.Inf(1))
	return nil
}

func (i infinite) Close() error { return nil }
