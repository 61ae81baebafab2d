package trainer

import (
	"context"
	"fmt"

	"ptyx/internal/base/ndarray"
)

// TrainShards computes single shards of a training, for a training on another machine. One goroutine uses it.
type TrainShards struct {
	t    *training
	plan [][]int // the batches of an epoch
	of   int     // the epoch
}

// NewTrainShards prepares the shards of a request. The parameters come with each shard, so the probe is not calibrated
// and Initial and Resume are ignored.
func NewTrainShards(ctx context.Context, r Request) (*TrainShards, error) {
	r.Config.ProbePasses, r.Initial, r.Resume, r.Exchange, r.shard = 0, nil, "", nil, true
	t, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	return &TrainShards{t: t}, nil
}

// Digest identifies the scans, as Request.DataDigest does.
func (s *TrainShards) Digest() string { return s.t.digest }

// Compute returns the loss of a shard at the given parameters of the network and probe, and then the gradients of all
// trained parameters.
func (s *TrainShards) Compute(step, shard int, parameters []float32) ([]float32, error) {
	f := s.t.fitter
	if shard >= f.parts {
		return nil, fmt.Errorf("shard %d of %d", shard, f.parts)
	}
	if err := unflatten(parameters, s.t.state.sent()); err != nil {
		return nil, err
	}
	if s.plan == nil {
		s.plan, s.of = f.plan(1), 1
	}
	if epoch := step/len(s.plan) + 1; epoch != s.of {
		s.plan, s.of = f.plan(epoch), epoch
	}
	batch := s.plan[step%len(s.plan)]
	feed := f.train.feed([][]int{f.part(batch, shard)}, f.step.Config.Net.N)
	defer feed.stop()
	data, groups, err := feed.take()
	if err != nil {
		return nil, err
	}
	r := f.replicas[0]
	if err := f.fill(r, data, groups, f.weight(batch), r.training); err != nil {
		return nil, err
	}
	return flatten(append([]*ndarray.Float32{r.loss}, r.grads...)), nil
}

// Close releases the data and the engine's resources.
func (s *TrainShards) Close() error {
	s.t.close()
	return nil
}
