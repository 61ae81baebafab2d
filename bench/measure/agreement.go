package main

import (
	"fmt"
	"math"

	"ptyx/export"
	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/graph/contract"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/scan/dataset"
	ort "ptyx/runtime"
	"ptyx/trainer"
)

// updates is the number of Adam steps whose losses are written.
const updates = 5

// learningRate of these steps.
const learningRate = 1e-3

// numbers writes results on the first patterns of the scan, to compare with a peer: amplitude and phase of the bare
// session, the gradients of a training step by the names of their parameters, and the loss before each update.
func (j job) numbers() error {
	scan, model, c, env, err := j.open()
	if err != nil {
		return err
	}
	ids := make([]int, j.batch)
	for i := range ids {
		ids[i] = i
	}
	patterns, err := scan.LoadSelected(ids)
	if err != nil {
		return err
	}
	members, err := j.patches(env, model, patterns)
	if err != nil {
		return err
	}
	trained, err := j.steps(env, scan, model, c, patterns)
	if err != nil {
		return err
	}
	return npz.Write(j.out, append(members, trained...))
}

// patches runs the network on the patterns (B, 1, N, N) and returns amplitude and phase.
func (j job) patches(env *ort.Environment, model []byte, patterns *ndarray.Float32) ([]npz.Member, error) {
	p, err := predict.NewORT(env, model, j.session())
	if err != nil {
		return nil, err
	}
	batch, err := p.Prepare(j.batch)
	if err != nil {
		return nil, err
	}
	copy(batch.Patterns().Data, patterns.Data)
	first, second, err := batch.Run()
	return []npz.Member{{Key: "amplitude", Value: first}, {Key: "phase", Value: second}}, err
}

// steps trains on the patterns as one batch.
func (j job) steps(env *ort.Environment, scan *dataset.Scan, model []byte, c contract.Contract,
	patterns *ndarray.Float32) ([]npz.Member, error) {
	config := trainer.Config{N: c.N}
	config.ApplyNetwork(c)
	network := config.NetworkConfig(c.InputScale)
	weights, err := export.Weights(model, network)
	if err != nil {
		return nil, err
	}
	step, err := trainer.NewStep(trainer.StepConfig{
		Net: network, Samples: j.batch, Group: 1, Loss: trainer.Poisson.Loss(),
		PoissonFloor: trainer.DefaultFloor,
	})
	if err != nil {
		return nil, err
	}
	exe, err := trainer.ONNXRuntime(env, j.session()).Compile(step.Training, 1)
	if err != nil {
		return nil, err
	}
	inputs, err := stepInputs(step, scan, c, patterns, weights)
	if err != nil {
		return nil, err
	}
	outputs := export.Arrays(step.Training)
	binding, err := exe.Bind(inputs, outputs)
	if err != nil {
		return nil, err
	}
	return update(step, binding, weights, outputs)
}

// update makes some steps of Adam and keeps the losses, and the gradients of the first.
func update(step *trainer.Step, binding engine.Binding, weights, outputs []*ndarray.Float32) ([]npz.Member, error) {
	rates := make([]float64, len(weights))
	for i := range rates {
		rates[i] = learningRate
	}
	adam := trainer.NewAdam(weights)
	var members []npz.Member
	losses := make([]float64, updates)
	for i := range losses {
		if err := binding.Run(); err != nil {
			return nil, err
		}
		losses[i] = float64(outputs[0].Data[0])
		if i == 0 {
			for k, out := range step.Training.Outputs[1:] {
				members = append(members, npz.Member{Key: out.Name, Value: outputs[1+k].Clone()})
			}
		}
		adam.Update(weights, outputs[1:], 1, rates, 1)
	}
	return append(members, npz.Member{Key: "losses", Value: losses}), nil
}

// stepInputs fills the inputs of a step, by their names.
func stepInputs(step *trainer.Step, scan *dataset.Scan, c contract.Contract, patterns *ndarray.Float32,
	weights []*ndarray.Float32) ([]*ndarray.Float32, error) {
	known := map[string]*ndarray.Float32{"amplitude": patterns}
	for i, spec := range step.Config.Net.Specs() {
		known[spec.Name] = weights[i]
	}
	known["probe.re"], known["probe.im"] = unitProbe(c.Probe)
	count, n := patterns.Shape[0], c.N
	known["weight"] = ndarray.New[float32](count)
	known["shift_y"], known["shift_x"] = ndarray.New[float32](count, n, n), ndarray.New[float32](count, n, n)
	for i := range count {
		known["weight"].Data[i] = 1 / float32(count)
		optics.ShiftMatrixInto(known["shift_y"].Data[i*n*n:(i+1)*n*n], frame.Fraction(scan.Y[i]), n)
		optics.ShiftMatrixInto(known["shift_x"].Data[i*n*n:(i+1)*n*n], frame.Fraction(scan.X[i]), n)
	}
	var inputs []*ndarray.Float32
	for _, in := range step.Training.Inputs {
		array := known[in.Name]
		if array == nil {
			return nil, fmt.Errorf("a training step takes %s, of which the harness knows nothing", in.Name)
		}
		inputs = append(inputs, ndarray.Wrap(array.Data, in.Node.Shape()...))
	}
	return inputs, nil
}

// unitProbe scales a probe in photons to a power of one per pixel.
func unitProbe(probe *ndarray.Complex64) (re, im *ndarray.Float32) {
	re, im = ndarray.New[float32](probe.Shape...), ndarray.New[float32](probe.Shape...)
	power := 0.0
	for _, p := range probe.Data {
		power += float64(real(p))*float64(real(p)) + float64(imag(p))*float64(imag(p))
	}
	scale := math.Sqrt(float64(len(probe.Data)) / power)
	for i, p := range probe.Data {
		re.Data[i], im.Data[i] = float32(float64(real(p))*scale), float32(float64(imag(p))*scale)
	}
	return re, im
}
