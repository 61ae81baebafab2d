package trainer

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/recon/engine"
)

// Epoch is one line of metrics.csv.
type Epoch struct {
	Number            int // from 1
	TrainLoss         float64
	ValLoss           float64 // NaN without validation patterns
	LearningRate      float64 // of the last step
	Seconds           float64
	PatternsPerSecond float64
}

// Progress receives each batch and epoch. Its methods are called from the training goroutine.
type Progress interface {
	Batch(epoch, batch, batches int, loss float64)
	Epoch(e Epoch)
}

// Fitter runs epochs. It cuts a batch into equal parts, one for each replica of the step. The replicas run side by side
// on the same parameters, and their gradients are added in a fixed order.
type Fitter struct {
	config     Config
	step       *Step // of one replica
	state      *State
	train, val *Data // val may be nil
	progress   Progress
	checkpoint func() error // called after every epoch; nil: nothing

	replicas []*replica
	close    []func() error
}

// replica is a step bound to its own batch and gradients.
type replica struct {
	batch      *batch
	grads      []*ndarray.Float32 // of the trained arrays, in their shapes
	loss       *ndarray.Float32   // ()
	training   engine.Binding
	evaluation engine.Binding // loss only; nil without validation
}

// Run trains until MaxEpochs, until the loss has not improved for EarlyStop epochs, or until the context is done. Then
// it stops after the current batch and returns the context's error. In each case the state is usable and can be
// resumed.
func (f *Fitter) Run(ctx context.Context) error {
	for f.state.Epoch < int(f.config.MaxEpochs) && !f.stalled() {
		if err := f.epoch(ctx); err != nil {
			return err
		}
		if f.checkpoint != nil {
			if err := f.checkpoint(); err != nil {
				return fmt.Errorf("saving the state after epoch %d: %w", f.state.Epoch, err)
			}
		}
	}
	return nil
}

// stalled reports whether the best epoch is EarlyStop epochs ago.
func (f *Fitter) stalled() bool {
	stop, best := f.config.EarlyStop, f.state.Best
	return stop > 0 && best != nil && f.state.Epoch-best.Epoch >= stop
}

// epoch trains one epoch, or the remaining batches of an interrupted one.
func (f *Fitter) epoch(ctx context.Context) error {
	s, number, start := f.state, f.state.Epoch+1, time.Now()
	plan := f.plan(number)
	rate, patterns := 0.0, 0
	feed := f.train.feed(plan[s.Batch:], f.step.Config.Net.N)
	defer feed.stop()
	for s.Batch < len(plan) {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, groups, err := feed.take()
		if err != nil {
			return fmt.Errorf("epoch %d, batch %d: %w", number, s.Batch+1, err)
		}
		at := float64(number-1) + (float64(s.Batch)+0.5)/float64(len(plan)) // in epochs
		rate = f.config.LearningRate * f.config.factor(at, s.History)
		loss, err := f.update(data, groups, f.rates(number, rate))
		if err != nil {
			return fmt.Errorf("epoch %d, batch %d: %w", number, s.Batch+1, err)
		}
		s.Batch++
		s.LossSum += loss * float64(len(groups))
		s.Samples += len(groups)
		patterns += len(groups) * f.step.Config.Group
		f.progress.Batch(number, s.Batch, len(plan), loss)
	}
	seconds := time.Since(start).Seconds()
	val, err := f.validate()
	if err != nil {
		return fmt.Errorf("epoch %d, validation: %w", number, err)
	}
	e := Epoch{
		Number: number, TrainLoss: s.LossSum / float64(s.Samples), ValLoss: val, LearningRate: rate,
		Seconds: seconds, PatternsPerSecond: float64(patterns) / seconds,
	}
	s.Epoch, s.Batch, s.LossSum, s.Samples = number, 0, 0, 0
	s.History = append(s.History, e)
	s.keepBest()
	f.progress.Epoch(e)
	return nil
}

// update makes one optimiser step and returns the loss before it. rates holds the learning rate of each trained array.
func (f *Fitter) update(data *Data, groups []int, rates []float64) (float64, error) {
	loss, err := f.run(data, groups, func(r *replica) engine.Binding { return r.training })
	if err != nil {
		return 0, err
	}
	grads := make([][]*ndarray.Float32, len(f.replicas))
	for i, r := range f.replicas {
		grads[i] = r.grads
	}
	params := f.state.parameters(f.step.Config.TrainProbe)
	if err := f.config.descend(f.state, params, grads, rates, loss); err != nil {
		return 0, err
	}
	if f.step.Config.TrainProbe {
		f.state.normaliseProbe()
	}
	return loss, nil
}

// descend makes one optimiser step with the gradients of all replicas, which it adds in a fixed order. loss is that of
// the step. rates holds the learning rate of each parameter. A loss or a gradient that is not finite changes nothing.
func (c Config) descend(s *State, params []*ndarray.Float32, grads [][]*ndarray.Float32, rates []float64,
	loss float64,
) error {
	if err := s.finite("loss", loss, "look for bad pixels in the patterns"); err != nil {
		return err
	}
	workers := max(1, c.Threads)
	norm := gather(grads, workers)
	if err := s.finite("gradient", norm, "set --clip"); err != nil {
		return err
	}
	scale := 1.0
	if c.Clip > 0 && norm > c.Clip {
		scale = c.Clip / norm
	}
	s.Optimiser.Update(params, grads[0], scale, rates, workers)
	return nil
}

// run fills every replica with its part of the groups, runs them side by side, and returns the sum of their losses.
func (f *Fitter) run(data *Data, groups []int, binding func(*replica) engine.Binding) (float64, error) {
	weight := float32(1 / float64(len(groups)*f.step.Config.Group)) // of a pattern: those of all replicas sum to 1
	part := f.step.Config.Samples
	var g errgroup.Group
	for i, r := range f.replicas {
		from := min(i*part, len(groups))
		own := groups[from:min(from+part, len(groups))]
		g.Go(func() error {
			r.batch.fill(data, own, weight)
			r.batch.weigh(f.state.ProbeRe, f.state.ProbeIm)
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

// validate returns the mean loss over the validation data, NaN without any.
func (f *Fitter) validate() (float64, error) {
	if f.val == nil {
		return math.NaN(), nil
	}
	plan := inOrder(len(f.val.Groups), f.samples())
	feed := f.val.feed(plan, f.step.Config.Net.N)
	defer feed.stop()
	sum := 0.0
	for range plan {
		data, groups, err := feed.take()
		if err != nil {
			return 0, err
		}
		loss, err := f.run(data, groups, func(r *replica) engine.Binding { return r.evaluation })
		if err != nil {
			return 0, err
		}
		sum += loss * float64(len(groups))
	}
	mean := sum / float64(len(f.val.Groups))
	return mean, f.state.finite("validation loss", mean, "look for bad pixels in the patterns")
}

// rates lists the learning rates of the trained arrays in an epoch.
func (f *Fitter) rates(epoch int, rate float64) []float64 {
	rates := slices.Repeat([]float64{rate}, len(f.step.Training.Outputs)-1)
	for i, s := range f.step.Config.Net.Specs() {
		if s.Rate > 0 {
			rates[i] *= s.Rate
		}
	}
	for i := len(f.state.Parameters); i < len(rates); i++ { // the probe
		rates[i] *= f.config.ProbeRate
		if epoch <= f.config.ProbeWarmUp {
			rates[i] = 0
		}
	}
	return rates
}

// samples is the number of samples in a step of all replicas.
func (f *Fitter) samples() int { return f.step.Config.Samples * len(f.replicas) }

// plan lists the batches of an epoch. Every pattern is the seed of a group, or of Oversample groups. With a grid an
// epoch draws only 1/C of the groups of C patterns, so that it shows each pattern once (or Oversample times) on
// average.
func (f *Fitter) plan(epoch int) [][]int {
	groups := len(f.train.Groups)
	plan := shuffled(groups, f.samples(), f.config.Seed, epoch)
	if f.config.Gridsize > 1 {
		drawn := (groups + f.step.Config.Group - 1) / f.step.Config.Group
		plan = plan[:(drawn+f.samples()-1)/f.samples()]
	}
	return plan
}

// shuffled cuts 0..count-1 into batches, in an order that depends on seed and epoch alone, so that a resumed training
// sees the same batches.
func shuffled(count, size int, seed uint64, epoch int) [][]int {
	order := stream.New(seed, "trainer/batches", epoch).Perm(count)
	return slices.Collect(slices.Chunk(order, size))
}

// inOrder cuts 0..count-1 into batches without shuffling, for validation.
func inOrder(count, size int) [][]int {
	order := make([]int, count)
	for i := range order {
		order[i] = i
	}
	return slices.Collect(slices.Chunk(order, size))
}

// Diverged is the error of a training whose numbers are no longer finite. The parameters and the state file, if there
// is one, are still those before the fault: the state file is that of the last finished epoch.
type Diverged struct {
	What     string // "loss", "gradient", "validation loss"
	Value    float64
	Remedy   string
	Finished int // epochs
}

func (d *Diverged) Error() string {
	return fmt.Sprintf("the %s is %v: lower --learning-rate, or %s", d.What, d.Value, d.Remedy)
}

// finite returns a Diverged error if value is NaN or infinite.
func (s *State) finite(what string, value float64, remedy string) error {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return &Diverged{What: what, Value: value, Remedy: remedy, Finished: s.Epoch}
	}
	return nil
}

// NewFitter compiles the step of one replica for an engine and binds it to the state's arrays, which training changes
// in place.
func NewFitter(
	eng engine.Engine, c Config, step *Step, replicas int, state *State, train, val *Data, progress Progress,
) (*Fitter, error) {
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
		r := &replica{batch: newBatch(f.step.Config), loss: ndarray.New[float32]()}
		f.replicas = append(f.replicas, r)
		if err := f.bind(r, training, evaluation); err != nil {
			return err
		}
	}
	return nil
}

// bind gives a replica its arrays.
func (f *Fitter) bind(r *replica, training, evaluation engine.Executable) (err error) {
	inputs := append(r.batch.list(), f.state.parameters(f.step.Config.needsProbe())...)
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
	for _, c := range slices.Backward(f.close) {
		_ = c() // nothing is lost with a resource that cannot be freed
	}
	f.close = nil
}
