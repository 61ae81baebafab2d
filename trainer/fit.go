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
// on the same parameters, and their gradients are added in a fixed order. An Exchange may compute the parts elsewhere.
type Fitter struct {
	config     Config
	step       *Step // of one replica
	state      *State
	train, val *Data // val may be nil
	progress   Progress
	checkpoint func() error // called after every epoch; nil: nothing

	parts     int // of a batch
	replicas  []*replica
	atOnce    int             // replicas that run at the same time
	elsewhere *stepsElsewhere // computes the gradients; nil: the replicas do
	close     []func() error
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
	feed := f.gradientFeed(plan[s.Batch:])
	defer feed.stop()
	for s.Batch < len(plan) {
		if err := ctx.Err(); err != nil {
			return err
		}
		groups := plan[s.Batch]
		at := float64(number-1) + (float64(s.Batch)+0.5)/float64(len(plan)) // in epochs
		rate = f.config.LearningRate * f.config.factor(at, s.History)
		loss, err := f.advance(ctx, feed, (number-1)*len(plan)+s.Batch, f.rates(number, rate))
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

// gradientFeed delivers the batches of a plan to this machine, if it computes the gradients.
func (f *Fitter) gradientFeed(plan [][]int) *feed {
	if f.elsewhere != nil {
		plan = nil
	}
	return f.train.feed(plan, f.step.Config.Net.N)
}

// advance makes the next optimiser step, which is counted from the beginning, and returns the loss before it.
func (f *Fitter) advance(ctx context.Context, feed *feed, step int, rates []float64) (float64, error) {
	if f.elsewhere != nil {
		loss, grads, err := f.elsewhere.run(ctx, step)
		if err != nil {
			return 0, err
		}
		return loss, f.descend(loss, grads, rates)
	}
	data, groups, err := feed.take()
	if err != nil {
		return 0, err
	}
	return f.update(data, groups, rates)
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
	return loss, f.descend(loss, grads, rates)
}

// descend makes one optimiser step with the gradients of all parts of a batch.
func (f *Fitter) descend(loss float64, grads [][]*ndarray.Float32, rates []float64) error {
	params := f.state.parameters(f.step.Config.TrainProbe)
	if err := f.config.descend(f.state, params, grads, rates, loss); err != nil {
		return err
	}
	if f.step.Config.TrainProbe {
		f.state.normaliseProbe()
	}
	return nil
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
	weight := f.weight(groups)
	var g errgroup.Group
	g.SetLimit(f.atOnce)
	for i, r := range f.replicas {
		own := f.part(groups, i)
		g.Go(func() error { return f.fill(r, data, own, weight, binding(r)) })
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

// weight is that of a pattern in a batch, before that of its scan: those of all parts sum to 1.
func (f *Fitter) weight(groups []int) float32 {
	return float32(1 / float64(len(groups)*f.step.Config.Group))
}

// part is the i-th part of a batch. The last batch of an epoch may leave parts short or empty.
func (f *Fitter) part(groups []int, i int) []int {
	size := f.step.Config.Samples
	from := min(i*size, len(groups))
	return groups[from:min(from+size, len(groups))]
}

// fill gives a replica its groups, of which each pattern has the given weight, and runs it.
func (f *Fitter) fill(r *replica, data *Data, groups []int, weight float32, binding engine.Binding) error {
	r.batch.fill(data, groups, weight, f.state.ScanWeights.Data)
	r.batch.weigh(f.state.ProbeRe, f.state.ProbeIm)
	return binding.Run()
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

// samples is the number of samples in a step.
func (f *Fitter) samples() int { return f.step.Config.Samples * f.parts }

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
	f := &Fitter{config: c, step: step, parts: replicas, state: state, train: train, val: val, progress: progress}
	return f, f.prepare(eng, replicas)
}

// prepare compiles the step and binds it so many times. It closes the fitter if it fails.
func (f *Fitter) prepare(eng engine.Engine, replicas int) error {
	if err := f.compile(eng, replicas); err != nil {
		f.Close()
		return fmt.Errorf("preparing the %s engine: %w", eng.Name(), err)
	}
	return nil
}

func (f *Fitter) compile(eng engine.Engine, replicas int) (err error) {
	atMost := replicas
	if f.atOnce = replicas; f.config.Shards > 0 { // one thread each, whatever the machine has
		threads := max(1, f.config.Threads)
		atMost, f.atOnce = threads, eng.Replicas(threads)
	}
	var training, evaluation engine.Executable
	if f.elsewhere == nil {
		if training, err = eng.Compile(f.step.Training, atMost); err != nil {
			return err
		}
		f.close = append(f.close, training.Close)
	}
	if f.val != nil || f.elsewhere != nil { // without a compiled step, the engine could not state its device
		if evaluation, err = eng.Compile(f.step.Loss, atMost); err != nil {
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
	inputs := append(r.batch.list(), f.state.inputs(f.step.Config.needsProbe())...)
	outputs := []*ndarray.Float32{r.loss}
	if training != nil {
		for _, out := range f.step.Training.Outputs[1:] {
			r.grads = append(r.grads, ndarray.New[float32](out.Node.Shape()...))
		}
		if r.training, err = training.Bind(inputs, append(outputs, r.grads...)); err != nil {
			return err
		}
		f.close = append(f.close, r.training.Close)
	}
	if f.val == nil {
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
