// Package trainer fits a network to the diffraction patterns of a scan. Prepare turns a scan and a Config into Data and a
// State; a Fitter owns the compiled Step, the parameters and the optimiser, and runs epochs; Save writes the run
// directory. The loss compares measured patterns with what the physics makes of the prediction; no ground truth enters.
package trainer

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/sync/errgroup"

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

// Fitter runs epochs. A batch is cut into equal parts, one a replica of the step; the replicas run side by side on the
// same parameters, and their gradients are added in order.
type Fitter struct {
	config     Config
	step       *Step // of one replica
	state      *State
	train, val *Data // val may be nil
	progress   Progress

	replicas []*replica
	close    []func() error
}

// replica is a step bound to its own batch and gradients.
type replica struct {
	batch      *batchArrays
	grads      []*ndarray.Float32
	loss       *ndarray.Float32
	training   engine.Binding
	evaluation engine.Binding // loss only; nil without validation
}

// NewFitter compiles the step for an engine and binds it to the state's arrays, which it will change in place. The step
// is that of one of the given number of replicas.
func NewFitter(eng engine.Engine, c Config, step *Step, replicas int, state *State, train, val *Data, progress Progress) (*Fitter, error) {
	f := &Fitter{config: c, step: step, state: state, train: train, val: val, progress: progress}
	if err := f.prepare(eng, replicas); err != nil {
		f.Close()
		return nil, fmt.Errorf("preparing the %s engine: %w", eng.Name(), err)
	}
	return f, nil
}

func (f *Fitter) prepare(eng engine.Engine, replicas int) error {
	training, err := eng.Compile(f.step.Training, replicas)
	if err != nil {
		return err
	}
	f.close = append(f.close, training.Close)
	var evaluation engine.Executable
	if f.val != nil {
		if evaluation, err = eng.Compile(f.step.Loss, replicas); err != nil {
			return err
		}
		f.close = append(f.close, evaluation.Close)
	}
	for range replicas {
		r := &replica{batch: newBatchArrays(f.step.Config), loss: ndarray.New[float32]()}
		f.replicas = append(f.replicas, r)
		if err := f.bind(r, training, evaluation); err != nil {
			return err
		}
	}
	return nil
}

// bind gives a replica its arrays.
func (f *Fitter) bind(r *replica, training, evaluation engine.Executable) (err error) {
	var inputs []*ndarray.Float32
	for _, a := range r.batch.list() {
		inputs = append(inputs, a.array)
	}
	inputs = append(inputs, f.state.trained(true)...)
	outputs := []*ndarray.Float32{r.loss}
	for _, out := range f.step.Training.Outputs[1:] {
		r.grads = append(r.grads, ndarray.New[float32](out.Node.Shape()...))
	}
	if r.training, err = training.Bind(inputs, append(outputs, r.grads...)); err != nil {
		return err
	}
	f.close = append(f.close, r.training.Close)
	if evaluation == nil {
		return nil
	}
	if r.evaluation, err = evaluation.Bind(inputs, outputs); err != nil {
		return err
	}
	f.close = append(f.close, r.evaluation.Close)
	return nil
}

// Close releases the engine's resources, last made first.
func (f *Fitter) Close() {
	for i := len(f.close) - 1; i >= 0; i-- {
		_ = f.close[i]() // nothing to be done about a resource that does not want to be freed
	}
	f.close = nil
}

// samples is the number of samples in a step of all replicas.
func (f *Fitter) samples() int { return f.step.Config.Samples * len(f.replicas) }

// run fills every replica with its part of the groups, runs them side by side, and returns the sum of their losses.
func (f *Fitter) run(data *Data, groups []int, binding func(*replica) engine.Binding) (float64, error) {
	share := float32(1 / float64(len(groups)*f.step.Config.Group))
	part := f.step.Config.Samples
	var g errgroup.Group
	for i, r := range f.replicas {
		from := min(i*part, len(groups))
		mine := groups[from:min(from+part, len(groups))]
		g.Go(func() error {
			r.batch.fill(data, mine, share)
			r.batch.weighOverlap(f.state.ProbeRe, f.state.ProbeIm)
			return binding(r).Run()
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	loss := 0.0
	for _, r := range f.replicas {
		loss += float64(r.loss.Data[0])
	}
	return loss, nil
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
	plan := f.plan(number)
	sum, samples, rate := 0.0, 0, 0.0
	for i, groups := range plan {
		if err := ctx.Err(); err != nil {
			return err
		}
		at := float64(number-1) + (float64(i)+0.5)/float64(len(plan))
		rate = f.config.LearningRate * f.config.factor(at, f.state.History)
		loss, err := f.update(groups, f.rates(number, rate))
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
		Number: number, TrainLoss: sum / float64(samples), ValLoss: val, LearningRate: rate,
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
	plan := batches(groups, f.samples(), f.config.Seed, epoch)
	if f.config.Gridsize > 1 {
		wanted := (groups + f.step.Config.Group - 1) / f.step.Config.Group
		plan = plan[:(wanted+f.samples()-1)/f.samples()]
	}
	return plan
}

// update makes one optimiser step and returns the loss before it.
func (f *Fitter) update(groups []int, rates []float64) (float64, error) {
	loss, err := f.run(f.train, groups, func(r *replica) engine.Binding { return r.training })
	if err != nil {
		return 0, err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, fmt.Errorf("the loss is %v: lower --learning-rate, or look for bad pixels in the patterns", loss)
	}
	grads := make([][]*ndarray.Float32, len(f.replicas))
	for i, r := range f.replicas {
		grads[i] = r.grads
	}
	f.state.Adam.Update(f.state.trained(f.step.Config.TrainProbe), grads, rates, max(1, f.config.Threads))
	if f.step.Config.TrainProbe {
		f.state.normaliseProbe()
	}
	return loss, nil
}

// rates are the learning rates of the trained arrays in an epoch.
func (f *Fitter) rates(epoch int, rate float64) []float64 {
	rates := make([]float64, len(f.step.Training.Outputs)-1)
	for i := range rates {
		rates[i] = rate
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
	if f.val == nil {
		return math.NaN(), nil
	}
	sum := 0.0
	for _, groups := range inOrder(len(f.val.Groups), f.samples()) {
		loss, err := f.run(f.val, groups, func(r *replica) engine.Binding { return r.evaluation })
		if err != nil {
			return 0, err
		}
		sum += loss * float64(len(groups))
	}
	return sum / float64(len(f.val.Groups)), nil
}
