package trainer

import (
	"context"
	"errors"
	"fmt"

	"ptyx/internal/base/ndarray"
)

// steps computes the gradients of a pretraining, step by step.
type steps interface {
	// start begins with the given step, counted from the beginning of the pretraining.
	start(first int)
	// run returns the loss of a step and the gradients of each shard, which are valid until the next step.
	run(ctx context.Context, step int) (loss float64, grads [][]*ndarray.Float32, err error)
	stop()
	close()
}

// stepsHere computes all shards of a step on this machine, and makes samples while steps run.
type stepsHere struct {
	supply  *supply
	threads int
	sizes   map[int]*sizeStep // by size of patterns
	lots    *lots
}

func (p *pretraining) newStepsHere() (*stepsHere, error) {
	h := &stepsHere{supply: p.supply, threads: p.config.Threads, sizes: map[int]*sizeStep{}}
	for _, size := range p.config.Sizes {
		step, err := p.newSizeStep(size.N, p.config.Shards)
		if err != nil {
			h.close()
			return nil, err
		}
		h.sizes[size.N] = step
	}
	return h, nil
}

func (h *stepsHere) start(first int) { h.lots = h.supply.start(first, h.threads) }

func (h *stepsHere) run(context.Context, int) (float64, [][]*ndarray.Float32, error) {
	lot := h.lots.take()
	defer h.lots.giveBack(lot)
	step := h.sizes[lot.n]
	loss, err := step.run(lot)
	return loss, step.grads(), err
}

func (h *stepsHere) stop() { h.lots.stop() }

func (h *stepsHere) close() {
	for _, s := range h.sizes {
		s.close()
	}
}

// PretrainShards computes single shards of a pretraining, for a training on another machine. One goroutine uses it.
type PretrainShards struct {
	p     *pretraining
	maker *maker
	sizes map[int]*sizeStep // by size of patterns, of one shard each
	lots  map[int]*lot
}

// NewPretrainShards prepares the shards of a request, which needs no more than Config, Solved and Engine.
func NewPretrainShards(r PretrainRequest) (*PretrainShards, error) {
	p, err := r.begin()
	if err != nil {
		return nil, err
	}
	return &PretrainShards{p: p, maker: p.supply.maker(), sizes: map[int]*sizeStep{}, lots: map[int]*lot{}}, nil
}

// Digest identifies the samples, as PretrainRequest.SamplesDigest does.
func (s *PretrainShards) Digest() string { return s.p.digest }

// Compute returns the loss of a shard at the given parameters, and then the gradients of all parameters.
func (s *PretrainShards) Compute(step, shard int, parameters []float32) ([]float32, error) {
	c := s.p.config
	if shard >= c.Shards {
		return nil, fmt.Errorf("shard %d of %d", shard, c.Shards)
	}
	if err := unflatten(parameters, s.p.state.Parameters); err != nil {
		return nil, err
	}
	n := s.p.supply.size(step)
	compiled, lot := s.sizes[n], s.lots[n]
	if compiled == nil {
		var err error
		if compiled, err = s.p.newSizeStep(n, 1); err != nil {
			return nil, err
		}
		lot = newLot(n, c.BatchSize/c.Shards)
		s.sizes[n], s.lots[n] = compiled, lot
	}
	s.maker.part(step, shard*len(lot.samples), lot)
	r := compiled.shards[0]
	if err := r.run(lot.samples); err != nil {
		return nil, err
	}
	return flatten(append([]*ndarray.Float32{r.loss}, r.grads...)), nil
}

// Close releases the engine's resources.
func (s *PretrainShards) Close() error {
	for _, c := range s.sizes {
		c.close()
	}
	return nil
}

var errOtherParameters = errors.New("the parameters are those of another network")

// flatten joins arrays, one after the other.
func flatten(arrays []*ndarray.Float32) []float32 {
	var values []float32
	for _, a := range arrays {
		values = append(values, a.Data...)
	}
	return values
}

// unflatten copies values into arrays, one after the other.
func unflatten(values []float32, into []*ndarray.Float32) error {
	for _, a := range into {
		if len(values) < len(a.Data) {
			return errOtherParameters
		}
		values = values[copy(a.Data, values):]
	}
	if len(values) > 0 {
		return errOtherParameters
	}
	return nil
}
