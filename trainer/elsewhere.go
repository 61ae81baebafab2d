package trainer

import (
	"context"

	"ptyx/internal/base/ndarray"
)

// Exchange lets other machines compute the shards of a training.
type Exchange interface {
	// Step returns, for each shard of a step at the given parameters, its loss and then the gradients of all trained
	// parameters, one after the other. Steps are counted from the beginning of the training.
	Step(ctx context.Context, step, shards int, parameters []float32) ([][]float32, error)
}

// stepsElsewhere lets an Exchange compute the shards.
type stepsElsewhere struct {
	exchange   Exchange
	parameters []*ndarray.Float32   // that the shards need
	grads      [][]*ndarray.Float32 // of each shard
}

// newStepsElsewhere prepares steps at the given parameters, of which some are trained.
func newStepsElsewhere(exchange Exchange, shards int, parameters, trained []*ndarray.Float32) *stepsElsewhere {
	s := &stepsElsewhere{exchange: exchange, parameters: parameters}
	for range shards {
		var grads []*ndarray.Float32
		for _, p := range trained {
			grads = append(grads, ndarray.New[float32](p.Shape...))
		}
		s.grads = append(s.grads, grads)
	}
	return s
}

func (*stepsElsewhere) start(int) {}

// run adds the losses in the order of the shards.
func (s *stepsElsewhere) run(ctx context.Context, step int) (float64, [][]*ndarray.Float32, error) {
	results, err := s.exchange.Step(ctx, step, len(s.grads), flatten(s.parameters))
	if err != nil {
		return 0, nil, err
	}
	loss := 0.0
	for i, values := range results {
		if len(values) == 0 {
			return 0, nil, errOtherParameters
		}
		loss += float64(values[0])
		if err := unflatten(values[1:], s.grads[i]); err != nil {
			return 0, nil, err
		}
	}
	return loss, s.grads, nil
}

func (*stepsElsewhere) stop() {}

func (*stepsElsewhere) close() {}
