package trainer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"time"

	"ptyx/export"
	"ptyx/internal/base/destination"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/general"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/experiments"
	"ptyx/models"
)

// PretrainRequest is one pretraining: a network learns from simulated patterns whose objects are known. Config and
// Engine are required.
type PretrainRequest struct {
	Config     PretrainConfig
	Solved     []*dataset.Scan    // further samples: scans with their object and probe
	Initial    []*ndarray.Float32 // first parameters; nil: drawn from the seed
	Further    bool               // the training began with the weights of another model, also one to resume
	Resume     string             // state file to resume from; empty: start anew
	Checkpoint string             // state file written after every round and when cancelled; empty: none

	Begin func() error // called before the first step and before anything is written; nil: nothing
	// AfterRound, unless nil, is called after every round, when its state is saved; model makes the model so far.
	AfterRound func(r Round, model func() (*onnxir.Model, error)) error

	Exchange Exchange // computes the shards of the steps elsewhere; nil: they are computed here
	Engine   engine.Engine
	Progress Progress     // nil: none
	Log      *slog.Logger // nil: none
}

// Round describes a round of a pretraining that has ended.
type Round struct {
	Epoch
	Patterns int            // shown since the beginning
	HeldOut  []HeldOutError // errors on patterns that training never shows
}

// PretrainResult is a pretrained network.
type PretrainResult struct {
	Config    PretrainConfig
	State     *State
	Model     *onnxir.Model
	Device    string // that computed
	Fallback  string // why the CPU computed although auto found CUDA; empty: it did not
	Patterns  int
	Cancelled bool // stopped by the context; Model holds what was reached
}

// Rounds is the number of rounds of the complete pretraining.
func (r PretrainRequest) Rounds() int { return r.Config.rounds() }

// Save writes the model, the metrics and the loss curve to a run directory, which must exist.
func (r *PretrainResult) Save(dir string) error {
	if err := destination.WriteFile(filepath.Join(dir, ModelFile), r.Model.Marshal(), 0o644); err != nil {
		return err
	}
	return saveHistory(dir, r.State.History)
}

// Pretrain trains a network on simulated patterns. If the context is cancelled, it stops after the current step and
// returns a result. Faults of settings are *badinput.Error; numbers that are no longer finite are *Diverged.
func Pretrain(ctx context.Context, r PretrainRequest) (*PretrainResult, error) {
	p, err := r.prepare()
	if err != nil {
		return nil, err
	}
	defer p.close()
	if r.Begin != nil {
		if err := r.Begin(); err != nil {
			return nil, err
		}
	}
	err = p.run(ctx)
	cancelled := errors.Is(err, context.Canceled)
	if cancelled {
		err = p.save()
	}
	if err != nil {
		return nil, err
	}
	model, err := p.model()
	return &PretrainResult{
		Config: p.config, State: p.state, Model: model, Device: r.Engine.Device(), Fallback: r.Engine.Fallback(),
		Patterns: p.patterns(), Cancelled: cancelled,
	}, err
}

// pretraining is a request with its state and samples.
type pretraining struct {
	request PretrainRequest
	config  PretrainConfig
	course  Config
	supply  *supply
	state   *State
	digest  string // of the samples
	steps   steps
	held    *heldOut
	rates   []float64 // of each parameter, relative
}

// prepare does all that comes before the first step, and writes nothing.
func (r PretrainRequest) prepare() (_ *pretraining, err error) {
	p, err := r.begin()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.state.Optimiser = optimisers()[defaultOptimiser](p.state.Parameters); r.Resume != "" {
		if err := p.state.LoadState(r.Resume, p.specs(), p.digest); err != nil {
			return nil, err
		}
	}
	for _, s := range p.specs() {
		p.rates = append(p.rates, cmp.Or(s.Rate, 1))
	}
	if r.Exchange != nil {
		p.steps = newStepsElsewhere(r.Exchange, p.config.Shards, p.state.Parameters, p.state.Parameters)
	} else if p.steps, err = p.newStepsHere(); err != nil {
		return nil, fmt.Errorf("preparing the %s engine: %w", r.Engine.Name(), err)
	}
	p.held, err = p.newHeldOut()
	return p, err
}

// begin checks the request, and has the first parameters and the supply of samples.
func (r PretrainRequest) begin() (_ *pretraining, err error) {
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Progress == nil {
		r.Progress = silent{}
	}
	if err := r.Config.Validate(); err != nil {
		return nil, err
	}
	c := r.Config
	c.Threads = max(1, c.Threads)
	p := &pretraining{request: r, config: c, course: c.course()}
	p.supply = &supply{
		generator: experiments.New(c.Seed, experiments.All().Without(experiments.HeldOut())), seed: c.Seed,
		batch: c.BatchSize, group: c.Group, sizes: c.Sizes, share: c.SolvedShare, clarity: c.Clarity,
	}
	for _, scan := range r.Solved {
		one, err := newSolved(scan)
		if err != nil {
			return nil, err
		}
		p.supply.solved = append(p.supply.solved, one)
	}
	if p.digest, err = r.SamplesDigest(); err != nil {
		return nil, err
	}
	p.state = &State{Parameters: c.Network(c.N).Initialise(c.Seed)}
	for i, initial := range r.Initial {
		copy(p.state.Parameters[i].Data, initial.Data)
	}
	return p, nil
}

// specs describe the parameters, which are the same for all sizes of patterns.
func (p *pretraining) specs() []models.Spec { return p.config.Network(p.config.N).Specs() }

func (p *pretraining) close() {
	if p.held != nil {
		p.held.close()
	}
	if p.steps != nil {
		p.steps.close()
	}
}

// SamplesDigest identifies the samples of a pretraining.
func (r PretrainRequest) SamplesDigest() (string, error) {
	c := r.Config
	text := fmt.Sprintf("experiments of seed %d, sizes %v, clarity %g, %d patterns a step in groups of %d",
		c.Seed, c.Sizes, c.Clarity, c.BatchSize, c.Group)
	if len(r.Solved) > 0 {
		scans, err := scans(r.Solved).digest()
		if err != nil {
			return "", err
		}
		text += fmt.Sprintf(", a share of %g from %s", c.SolvedShare, scans)
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text))), nil
}

func (p *pretraining) save() error {
	if p.request.Checkpoint == "" {
		return nil
	}
	return p.state.SaveState(p.request.Checkpoint, p.specs(), p.digest)
}

// patterns is the number of patterns shown so far.
func (p *pretraining) patterns() int { return p.state.Optimiser.(*Adam).Step * p.config.BatchSize }

// samples describes the patterns shown so far, for the model's contract.
func (p *pretraining) samples() string {
	text := fmt.Sprintf("%d patterns in steps of %d, in %d shards each, in groups of %d", p.patterns(),
		p.config.BatchSize, p.config.Shards, p.config.Group)
	if p.request.Further {
		text += ", from the weights of another model"
	}
	return text
}

// run shows the remaining rounds.
func (p *pretraining) run(ctx context.Context) error {
	s := p.state
	if s.Epoch >= p.config.rounds() {
		return nil
	}
	p.steps.start(s.Epoch*p.config.steps() + s.Batch)
	defer p.steps.stop()
	for s.Epoch < p.config.rounds() {
		round, err := p.round(ctx)
		if err != nil {
			return err
		}
		p.request.Progress.Epoch(round.Epoch)
		if err := p.save(); err != nil {
			return fmt.Errorf("saving the state after round %d: %w", s.Epoch, err)
		}
		if p.request.AfterRound != nil {
			if err := p.request.AfterRound(round, p.model); err != nil {
				return err
			}
		}
	}
	return nil
}

// round shows one round, or the remaining steps of an interrupted one.
func (p *pretraining) round(ctx context.Context) (Round, error) {
	s, number, start := p.state, p.state.Epoch+1, time.Now()
	rate, first, steps := 0.0, s.Batch, p.config.steps()
	for s.Batch < steps {
		if err := ctx.Err(); err != nil {
			return Round{}, err
		}
		at := float64(s.Epoch) + (float64(s.Batch)+0.5)/float64(steps) // in rounds
		rate = p.config.LearningRate * p.course.factor(at, nil)
		loss, err := p.step(ctx, s.Epoch*steps+s.Batch, rate)
		if err != nil {
			return Round{}, fmt.Errorf("round %d, step %d: %w", number, s.Batch+1, err)
		}
		s.Batch++
		s.LossSum += loss
		s.Samples++
		p.request.Progress.Batch(number, s.Batch, steps, loss)
	}
	seconds := time.Since(start).Seconds()
	groups, err := p.held.run()
	if err != nil {
		return Round{}, fmt.Errorf("round %d, held-out patterns: %w", number, err)
	}
	e := Epoch{
		Number: number, TrainLoss: s.LossSum / float64(s.Samples), ValLoss: groups[0].Error, LearningRate: rate,
		Seconds: seconds, PatternsPerSecond: float64((steps-first)*p.config.BatchSize) / seconds,
	}
	s.Epoch, s.Batch, s.LossSum, s.Samples = number, 0, 0, 0
	s.History = append(s.History, e)
	return Round{Epoch: e, Patterns: p.patterns(), HeldOut: groups}, nil
}

// step makes one optimiser step and returns the loss before it.
func (p *pretraining) step(ctx context.Context, number int, rate float64) (float64, error) {
	loss, grads, err := p.steps.run(ctx, number)
	if err != nil {
		return 0, err
	}
	rates := make([]float64, len(p.rates))
	for i, r := range p.rates {
		rates[i] = rate * r
	}
	return loss, p.course.descend(p.state, p.state.Parameters, grads, rates, loss)
}

// model is the checkpoint of the present parameters.
func (p *pretraining) model() (*onnxir.Model, error) {
	c := p.config
	last := Epoch{TrainLoss: math.NaN(), ValLoss: math.NaN()}
	if h := p.state.History; len(h) > 0 {
		last = h[len(h)-1]
	}
	probe, err := general.Probe(c.N)
	if err != nil {
		return nil, err
	}
	e := p.request.Engine
	return export.Checkpoint(c.Network(c.N), p.state.Parameters, contract.Contract{
		Gridsize: 1, TrainingInput: contract.Simulated, Photons: optics.Power(probe), Probe: probe,
		DataDigest: p.digest, Samples: p.samples(), Seed: c.Seed, Epochs: p.state.Epoch,
		Loss:      "error of the object, supervised",
		TrainLoss: last.TrainLoss, ValLoss: last.ValLoss, Engine: e.Name(), Device: e.Device(), Fallback: e.Fallback(),
	})
}
