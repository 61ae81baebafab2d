package trainer

import (
	"slices"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
)

// sizeStep is the compiled step of a pretraining for patterns of one size. The steps of all sizes share the parameters.
type sizeStep struct {
	step     *sampleStep // of one replica
	replicas []*sampleReplica
	closers  []func() error
}

// sampleReplica is a step bound to its own part of the samples and its own gradients.
type sampleReplica struct {
	inputs   []*ndarray.Float32 // in the order of sampleInputs
	loss     *ndarray.Float32   // ()
	grads    []*ndarray.Float32
	training engine.Binding
}

func (p *pretraining) newSizeStep(n int) (_ *sizeStep, err error) {
	s := &sizeStep{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	eng, batch := p.request.Engine, p.config.BatchSize
	replicas := eng.Replicas(batch)
	if s.step, err = newSampleStep(p.config.Network(n), batch/replicas, batch, p.config.Loss); err != nil {
		return nil, err
	}
	training, err := eng.Compile(s.step.training, replicas)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, training.Close)
	for range replicas {
		r := &sampleReplica{loss: ndarray.New[float32]()}
		for range sampleInputs() {
			r.inputs = append(r.inputs, ndarray.New[float32](s.step.batch, 1, n, n))
		}
		for _, param := range p.state.Parameters {
			r.grads = append(r.grads, ndarray.New[float32](param.Shape...))
		}
		inputs := append(slices.Clone(r.inputs), p.state.Parameters...)
		if r.training, err = training.Bind(inputs, append([]*ndarray.Float32{r.loss}, r.grads...)); err != nil {
			return nil, err
		}
		s.closers = append(s.closers, r.training.Close)
		s.replicas = append(s.replicas, r)
	}
	return s, nil
}

func (s *sizeStep) close() {
	for _, c := range slices.Backward(s.closers) {
		_ = c() // nothing is lost with a resource that cannot be freed
	}
}

// run computes the loss of a step's samples and the gradients of all replicas.
func (s *sizeStep) run(l *lot) (float64, error) {
	var g errgroup.Group
	for i, r := range s.replicas {
		own := l.samples[i*s.step.batch : (i+1)*s.step.batch]
		g.Go(func() error {
			fillSamples(r.inputs, own)
			return r.training.Run()
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	loss := 0.0
	for _, r := range s.replicas {
		loss += float64(r.loss.Data[0])
	}
	return loss, nil
}

// grads are the gradients of each replica.
func (s *sizeStep) grads() [][]*ndarray.Float32 {
	var grads [][]*ndarray.Float32
	for _, r := range s.replicas {
		grads = append(grads, r.grads)
	}
	return grads
}

// fillSamples writes the inputs of samples, (B, 1, N, N) each. With fewer arrays it writes the first inputs only.
func fillSamples(inputs []*ndarray.Float32, samples []*sample) {
	for k, in := range inputs {
		for i, s := range samples {
			copy(in.Data[i*len(s.inputs[k]):], s.inputs[k])
		}
	}
}
