package trainer

import (
	"time"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/recon/engine"
)

// Trial is the outcome of a training step that updates nothing.
type Trial struct {
	Loss      float64
	Gradients []*Array      // of the trained parameters, in their order and shapes, then of the probe if it is trained
	Took      time.Duration // of the step, after one that warmed up
}

// Try computes one step of a training, without an update, and writes nothing. The engine compiles the step as for
// Train. Parameters are drawn from the seed. The patterns, amplitudes of a single scan, are all in memory; the batch
// holds as many groups as a step of that configuration. The probe is (N, N), in any unit.
func Try(e Engine, c Config, data *Data, probe *ComplexArray) (*Trial, error) {
	r := Request{Config: c, Engine: e}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	net := r.network(power(data.Patterns))
	if err := net.Validate(); err != nil {
		return nil, err
	}
	config := r.step(net, power(data.Patterns), data, nil)
	replicas, err := r.parts(config.Samples)
	if err != nil {
		return nil, err
	}
	config.Samples /= replicas
	step, err := NewStep(config)
	if err != nil {
		return nil, err
	}
	state := r.initialState(net, step, []*ndarray.Complex64{probe}, []float64{1})
	f, err := NewFitter(e, c, step, replicas, state, data, nil, silent{})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.try()
}

// try runs the first groups twice, and times the second run.
func (f *Fitter) try() (*Trial, error) {
	groups := inOrder(len(f.train.Groups), f.samples())[0]
	var out Trial
	for range 2 {
		start := time.Now()
		loss, err := f.run(f.train, groups, func(r *replica) engine.Binding { return r.training })
		if err != nil {
			return nil, err
		}
		out.Loss, out.Took = loss, time.Since(start)
	}
	grads := make([][]*ndarray.Float32, len(f.replicas))
	for i, r := range f.replicas {
		grads[i] = r.grads
	}
	gather(grads, max(1, f.config.Threads))
	out.Gradients = grads[0]
	return &out, nil
}

// InputScale is the factor by which a network normalises the amplitudes of patterns (M, N, N): to a power of (N/2)^2
// per pattern.
func InputScale(patterns *Array) float64 {
	return inputScale(patterns.Shape[1], power(patterns))
}

// power is the sum of the squared amplitudes of a pattern, on average.
func power(patterns *Array) float64 {
	sum := 0.0
	for _, v := range patterns.Data {
		sum += float64(v) * float64(v)
	}
	return sum / float64(patterns.Shape[0])
}
