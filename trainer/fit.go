// Package trainer fits a network to the diffraction patterns of a scan. Prepare turns a scan and a Config into Data and a
// State; a Fitter owns the compiled Step, the parameters and the optimiser, and runs epochs; Save writes the run
// directory. The loss compares measured patterns with what the physics makes of the prediction; no ground truth enters.
package trainer

import (
	"context"
	"fmt"
	"math"
	"time"

	"ptyx/internal/engine"
	"ptyx/internal/ndarray"
)

// State is all that changes during a training.
type State struct {
	Parameters []*ndarray.Float32 // of the network, in the order of models.Config.Specs
	ProbeRe    *ndarray.Float32   // (N, N), power N^2
	ProbeIm    *ndarray.Float32
	Adam       *Adam
	Epoch      int // epochs finished
	History    []Epoch
}

// Epoch is one line of metrics.csv.
type Epoch struct {
	Number            int
	TrainLoss         float64
	ValLoss           float64 // NaN without validation patterns
	LearningRate      float64
	Seconds           float64
	PatternsPerSecond float64
}

// trained lists the arrays that the optimiser moves, in the order of the step's gradients.
func (s *State) trained(probe bool) []*ndarray.Float32 {
	list := append([]*ndarray.Float32(nil), s.Parameters...)
	if probe {
		list = append(list, s.ProbeRe, s.ProbeIm)
	}
	return list
}

// Progress hears how a training goes. Its methods are called from the training goroutine.
type Progress interface {
	Batch(epoch, batch, batches int, loss float64)
	Epoch(e Epoch)
}

// Fitter runs epochs.
type Fitter struct {
	config     Config
	step       *Step
	state      *State
	train, val *Data // val may be nil
	progress   Progress

	batch      *batchArrays
	grads      []*ndarray.Float32
	loss       *ndarray.Float32
	binding    engine.Binding
	evaluation engine.Binding // loss only; nil without validation
	close      []func() error
}

// NewFitter compiles the step for an engine and binds it to the state's arrays, which it will change in place.
func NewFitter(eng engine.Engine, c Config, step *Step, state *State, train, val *Data, progress Progress) (*Fitter, error) {
	f := &Fitter{
		config: c, step: step, state: state, train: train, val: val, progress: progress,
		batch: newBatchArrays(step.Config),
		loss:  ndarray.New[float32](),
	}
	for _, out := range step.Training.Outputs[1:] {
		f.grads = append(f.grads, ndarray.New[float32](out.Node.Shape()...))
	}
	var inputs []*ndarray.Float32
	for _, a := range f.batch.list() {
		inputs = append(inputs, a.array)
	}
	inputs = append(inputs, state.trained(true)...)
	var err error
	if f.binding, err = f.compile(eng, func() (engine.Executable, error) { return eng.Compile(step.Training) },
		inputs, append([]*ndarray.Float32{f.loss}, f.grads...)); err != nil {
		return nil, err
	}
	if val != nil {
		f.evaluation, err = f.compile(eng, func() (engine.Executable, error) { return eng.Compile(step.Loss) },
			inputs, []*ndarray.Float32{f.loss})
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Fitter) compile(eng engine.Engine, compile func() (engine.Executable, error), in, out []*ndarray.Float32) (engine.Binding, error) {
	exe, err := compile()
	if err != nil {
		return nil, fmt.Errorf("preparing the %s engine: %w", eng.Name(), err)
	}
	f.close = append(f.close, exe.Close)
	binding, err := exe.Bind(in, out)
	if err != nil {
		return nil, fmt.Errorf("preparing the %s engine: %w", eng.Name(), err)
	}
	f.close = append(f.close, binding.Close)
	return binding, nil
}

// Close releases the engine's resources, last made first.
func (f *Fitter) Close() {
	for i := len(f.close) - 1; i >= 0; i-- {
		_ = f.close[i]() // nothing to be done about a resource that does not want to be freed
	}
	f.close = nil
}

// Run trains until MaxEpochs or until the context is done; then it stops after the current batch and reports the
// context's error. The state is usable either way: an interrupted epoch's updates are in, its number is not counted.
func (f *Fitter) Run(ctx context.Context) error {
	for f.state.Epoch < f.config.MaxEpochs {
		if err := f.epoch(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fitter) epoch(ctx context.Context) error {
	number := f.state.Epoch + 1
	start := time.Now()
	rates := f.rates(number)
	plan := f.plan(number)
	sum, samples := 0.0, 0
	for i, groups := range plan {
		if err := ctx.Err(); err != nil {
			return err
		}
		loss, err := f.update(groups, rates)
		if err != nil {
			return fmt.Errorf("epoch %d, batch %d: %w", number, i+1, err)
		}
		sum += loss * float64(len(groups))
		samples += len(groups)
		f.progress.Batch(number, i+1, len(plan), loss)
	}
	seconds := time.Since(start).Seconds()
	val, err := f.validate()
	if err != nil {
		return fmt.Errorf("epoch %d, validation: %w", number, err)
	}
	e := Epoch{
		Number: number, TrainLoss: sum / float64(samples), ValLoss: val, LearningRate: rates[0],
		Seconds: seconds, PatternsPerSecond: float64(samples*f.step.Config.Group) / seconds,
	}
	f.state.Epoch = number
	f.state.History = append(f.state.History, e)
	f.progress.Epoch(e)
	return nil
}

// plan is the batches of an epoch. Every pattern is the seed of a group, so a share of the groups shows each pattern once
// on average: an epoch costs the same whatever the grid.
func (f *Fitter) plan(epoch int) [][]int {
	groups := len(f.train.Groups)
	plan := batches(groups, f.step.Config.Samples, f.config.Seed, epoch)
	if f.config.Gridsize > 1 {
		wanted := (groups + f.step.Config.Group - 1) / f.step.Config.Group
		plan = plan[:(wanted+f.step.Config.Samples-1)/f.step.Config.Samples]
	}
	return plan
}

// update makes one optimiser step and returns the loss before it.
func (f *Fitter) update(groups []int, rates []float64) (float64, error) {
	f.batch.fill(f.train, groups)
	f.batch.weighOverlap(f.state.ProbeRe, f.state.ProbeIm)
	if err := f.binding.Run(); err != nil {
		return 0, err
	}
	loss := float64(f.loss.Data[0])
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, fmt.Errorf("the loss is %v: lower --learning-rate, or look for bad pixels in the patterns", loss)
	}
	f.state.Adam.Update(f.state.trained(f.step.Config.TrainProbe), f.grads, rates, max(1, f.config.Threads))
	if f.step.Config.TrainProbe {
		f.state.normaliseProbe()
	}
	return loss, nil
}

// rates are the learning rates of the trained arrays in an epoch.
func (f *Fitter) rates(epoch int) []float64 {
	rates := make([]float64, len(f.grads))
	for i := range rates {
		rates[i] = f.config.LearningRate
	}
	for i := len(f.state.Parameters); i < len(rates); i++ { // the probe
		rates[i] *= f.config.ProbeRate
		if epoch <= f.config.ProbeWarmUp {
			rates[i] = 0
		}
	}
	return rates
}

// validate is the mean loss over the validation data, NaN without any.
func (f *Fitter) validate() (float64, error) {
	if f.evaluation == nil {
		return math.NaN(), nil
	}
	sum := 0.0
	for _, groups := range inOrder(len(f.val.Groups), f.step.Config.Samples) {
		f.batch.fill(f.val, groups)
		f.batch.weighOverlap(f.state.ProbeRe, f.state.ProbeIm)
		if err := f.evaluation.Run(); err != nil {
			return 0, err
		}
		sum += float64(f.loss.Data[0]) * float64(len(groups))
	}
	return sum / float64(len(f.val.Groups)), nil
}
