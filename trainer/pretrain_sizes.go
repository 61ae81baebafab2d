package trainer

import (
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
)

// sizeStep is the compiled step of a pretraining for patterns of one size. The steps of all sizes share the parameters.
type sizeStep struct {
	step    *sampleStep // of one shard
	shards  []*sampleShard
	atOnce  int // shards that are computed at the same time
	closers []func() error
}

// sampleShard is a step bound to its own part of the samples and its own gradients.
type sampleShard struct {
	inputs   []*ndarray.Float32 // in the order of sampleInputs
	loss     *ndarray.Float32   // ()
	grads    []*ndarray.Float32
	training engine.Binding
}

// newSizeStep compiles the step of a shard and binds it so many times.
func (p *pretraining) newSizeStep(n, shards int) (_ *sizeStep, err error) {
	s := &sizeStep{atOnce: p.atOnce()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	eng, batch := p.request.Engine, p.config.BatchSize
	s.step, err = newSampleStep(p.config.Network(n), batch/p.config.Shards, p.config.Group, batch, p.config.Loss)
	if err != nil {
		return nil, err
	}
	training, err := eng.Compile(s.step.training, p.oneThread())
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, training.Close)
	for range shards {
		r := &sampleShard{loss: ndarray.New[float32]()}
		for _, in := range sampleInputs() {
			r.inputs = append(r.inputs, ndarray.New[float32](in.shape(s.step.batch, n)...))
		}
		for _, param := range p.state.Parameters {
			r.grads = append(r.grads, ndarray.New[float32](param.Shape...))
		}
		inputs := append(slices.Clone(r.inputs), p.state.Parameters...)
		if r.training, err = training.Bind(inputs, append([]*ndarray.Float32{r.loss}, r.grads...)); err != nil {
			return nil, err
		}
		s.closers = append(s.closers, r.training.Close)
		s.shards = append(s.shards, r)
	}
	return s, nil
}

// atOnce is the number of bindings that the engine runs best at the same time.
func (p *pretraining) atOnce() int { return p.request.Engine.Replicas(p.config.Threads) }

// oneThread is a number of replicas with which each has one thread. Sums in another number of threads round otherwise,
// and the result of a shard must not depend on the machine's cores.
func (p *pretraining) oneThread() int { return p.config.Threads }

func (s *sizeStep) close() {
	for _, c := range slices.Backward(s.closers) {
		_ = c() // nothing is lost with a resource that cannot be freed
	}
}

// run computes the loss of a step's samples and the gradients of all shards.
func (s *sizeStep) run(l *lot) (float64, error) {
	var g errgroup.Group
	g.SetLimit(s.atOnce)
	for i, r := range s.shards {
		g.Go(func() error { return r.run(l.samples[i*s.step.batch : (i+1)*s.step.batch]) })
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	loss := 0.0
	for _, r := range s.shards {
		loss += float64(r.loss.Data[0])
	}
	return loss, nil
}

// run computes the loss and the gradients of a shard's samples.
func (r *sampleShard) run(samples []*sample) error {
	fillSamples(r.inputs, samples)
	return r.training.Run()
}

// grads are the gradients of each shard.
func (s *sizeStep) grads() [][]*ndarray.Float32 {
	var grads [][]*ndarray.Float32
	for _, r := range s.shards {
		grads = append(grads, r.grads)
	}
	return grads
}

// fillSamples writes the inputs of samples. With fewer arrays it writes the first inputs only.
func fillSamples(inputs []*ndarray.Float32, samples []*sample) {
	for k, in := range inputs {
		for i, s := range samples {
			copy(in.Data[i*len(s.inputs[k]):], s.inputs[k])
		}
	}
}
