// Package trainer fits a network to the diffraction patterns of one or more scans. Train turns a Request, that is a
// Config, scans and an engine, into Data (patterns and groups) and a State (everything that changes). A Fitter owns the
// compiled Step and runs the epochs of fit.go. The Result holds the model; Save writes it to a run directory.
//
// In mode Physics the loss compares measured patterns with those that the physics makes of the network's object, and no
// truth enters. In mode Supervised it compares that object with the truth that the scan carries.
//
// Three tables list what can be chosen: loss.go the terms of the loss, schedule.go the courses of the learning rate,
// optimiser.go the optimisers.
package trainer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"

	"ptyx/export"
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/models"
)

// Request is one training. Config, Scans and Engine are required.
type Request struct {
	Config Config
	// Scans to train on, all of one pattern size, each with its own probe.
	Scans []*dataset.Scan
	// Validation scans. Each uses the probe of the training scan at its place. Without any, Config.ValFraction of the
	// patterns of each of Scans validates.
	Validation []*dataset.Scan
	Initial    []*ndarray.Float32 // first parameters, in the order of models.Config.Specs; nil: drawn from the seed
	// Anchor keeps patches near those of the first parameters where the probe is dim, if the patterns of one of Scans
	// have little light in common. Set it if a training made the first parameters, also if they come from Resume, or
	// with the shards of another machine.
	Anchor     bool
	Resume     string // state file to resume from; empty: start anew
	Checkpoint string // state file written after every epoch and when cancelled; empty: none

	MemoryLimit int64  // bytes of patterns to hold in memory, beyond which they stay on disk; 0: no limit
	Scratch     string // directory for unpacking compressed scans beyond MemoryLimit; empty: the system's

	// Begin, unless nil, is called before the first step and before anything is written. Its error ends the training.
	Begin func() error
	// AfterEpoch, unless nil, is called after every epoch, when its state is saved; result makes the model so far.
	AfterEpoch func(result func() (*Result, error)) error

	// Exchange computes the parts of the steps elsewhere, and needs Config.Shards; nil: they are computed here.
	Exchange Exchange
	Engine   engine.Engine
	Progress Progress     // nil: none
	Log      *slog.Logger // nil: none

	shard bool // this machine computes single shards
}

// Result is a trained network, ready to be written.
type Result struct {
	Config    Config
	State     *State
	Model     *onnxir.Model        // after the last epoch
	Best      *onnxir.Model        // after the epoch of lowest loss; nil if no epoch was finished
	Probes    []*ndarray.Complex64 // (N, N) of each scan, in square roots of photons
	Device    string               // that computed
	Fallback  string               // why the CPU computed although auto found CUDA; empty: it did not
	Cancelled bool                 // stopped by the context; Model holds what was reached
}

// Train fits a network. If the context is cancelled it stops after the current batch and still returns a result. Faults
// of scans and settings are *badinput.Error; numbers that are no longer finite are *Diverged.
func Train(ctx context.Context, r Request) (*Result, error) {
	t, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	if r.Begin != nil {
		if err := r.Begin(); err != nil {
			return nil, err
		}
	}
	save := func() error {
		if r.Checkpoint == "" {
			return nil
		}
		return t.state.SaveState(r.Checkpoint, t.net.Specs(), t.digest)
	}
	t.fitter.checkpoint = func() error {
		err := save()
		if r.AfterEpoch != nil {
			err = errors.Join(err, r.AfterEpoch(func() (*Result, error) { return t.result(false) }))
		}
		return err
	}
	t.request.Log.Debug("training", "patterns", len(t.train.Groups), "parameters", t.net.ParameterCount(),
		"engine", r.Engine.Name(), "device", r.Engine.Device())
	err = t.fitter.Run(ctx)
	cancelled := errors.Is(err, context.Canceled)
	if cancelled {
		err = save()
	}
	if err != nil {
		return nil, err
	}
	return t.result(cancelled)
}

// training is a Request whose data are loaded and whose step is compiled.
type training struct {
	request    Request
	train, val *Data
	light      light
	net        models.Config
	state      *State
	digest     string // of the scans
	fitter     *Fitter
}

// prepare does all that comes before the first step, and writes nothing.
func (r Request) prepare(ctx context.Context) (_ *training, err error) {
	if err := r.settle(); err != nil {
		return nil, err
	}
	t := &training{request: r}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if t.train, t.val, err = r.data(); err != nil {
		return nil, err
	}
	if t.light, err = scans(r.Scans).light(); err != nil {
		return nil, err
	}
	t.net = r.network(t.light.power)
	config := r.step(t.net, t.photons(), t.train, t.val)
	parts, err := r.parts(config.Samples)
	if err != nil {
		return nil, err
	}
	config.Samples /= parts
	if config.Anchored {
		r.Log.Info("patterns have little light in common: where the probe is dim, patches stay near those of the start")
	}
	step, err := NewStep(config)
	if err != nil {
		return nil, err
	}
	if err := t.begin(ctx, step, config); err != nil {
		return nil, err
	}
	if err := t.fit(step, parts, config.TrainProbe); err != nil {
		return nil, err
	}
	return t, nil
}

// settle fills what the request leaves open, and checks the rest.
func (r *Request) settle() error {
	r.Config.N = cmp.Or(r.Config.N, r.Scans[0].N)
	if r.Log == nil {
		r.Log = slog.New(slog.DiscardHandler)
	}
	if r.Progress == nil {
		r.Progress = silent{}
	}
	if err := r.Config.Validate(); err != nil {
		return err
	}
	if err := r.network(1).Validate(); err != nil {
		return err
	}
	r.Config = r.Config.settled()
	r.Config.MaxEpochs = r.Epochs()
	return nil
}

// begin makes the state of the first step, or reads that of a training to resume.
func (t *training) begin(ctx context.Context, step *Step, config StepConfig) error {
	r := t.request
	probes, err := r.probes(ctx, t.train)
	if err != nil {
		return err
	}
	t.state = r.initialState(t.net, step, probes, t.light.exposure)
	if err := t.weighScans(config); err != nil {
		return err
	}
	if t.digest, err = r.DataDigest(); err != nil {
		return err
	}
	if r.Resume == "" {
		return nil
	}
	return t.state.LoadState(r.Resume, t.net.Specs(), t.digest)
}

// fit gives the engine the step, of which each has so many parts.
func (t *training) fit(step *Step, parts int, trainProbe bool) error {
	r := t.request
	f := &Fitter{
		config: r.Config, step: step, parts: parts, state: t.state, train: t.train, val: t.val,
		progress: r.Progress,
	}
	if r.Exchange != nil {
		f.elsewhere = newStepsElsewhere(r.Exchange, parts, t.state.sent(), t.state.parameters(trainProbe))
	}
	replicas := parts
	if r.shard { // this machine computes one shard after the other
		f.val, replicas = nil, 1
	}
	if err := f.prepare(r.Engine, replicas); err != nil {
		return err
	}
	t.fitter = f
	return nil
}

// parts is the number of equal parts of a step of so many samples.
func (r Request) parts(samples int) (int, error) {
	switch shards := r.Config.Shards; {
	case shards == 0:
		return r.Engine.Replicas(samples), nil
	case samples%shards != 0:
		return 0, &badinput.Error{
			Key: "shards", Found: fmt.Sprint(shards),
			Expected: fmt.Sprintf("a divisor of %d, the samples of a step", samples),
			Remedy:   "a step has --batch-size / --gridsize squared samples, or the whole scan if that is smaller",
		}
	default:
		return shards, nil
	}
}

func (t *training) close() {
	if t.fitter != nil {
		t.fitter.Close()
	}
	t.val.Close()
	t.train.Close()
}

// silent is a Progress that does nothing.
type silent struct{}

func (silent) Batch(int, int, int, float64) {}
func (silent) Epoch(Epoch)                  {}

// network is the network for scans of the given mean power.
func (r Request) network(power float64) models.Config {
	return r.Config.NetworkConfig(inputScale(r.Config.N, power))
}

// inputScale normalises patterns of n pixels and the given mean power to a power of (N/2)^2 per pattern.
func inputScale(n int, power float64) float64 {
	half := float64(n / 2)
	return math.Sqrt(half * half / power)
}

// step is the configuration of the training step of all replicas. Patterns have the given number of photons on average.
func (r Request) step(net models.Config, photons float64, train, val *Data) StepConfig {
	c := StepConfig{
		Net: net, Samples: r.Config.samples(len(train.Groups)), Group: r.Config.Gridsize * r.Config.Gridsize,
		Scans: len(r.Scans), Loss: r.Config.Loss, TrainProbe: r.Config.learnsProbe(),
		PoissonFloor: float32(r.Config.Floor), AmplitudeFloor: float32(amplitudeFloor(photons, net.N)),
		Supervised: r.Config.Mode == Supervised, Anchored: r.anchored(),
	}
	c.Masked = !c.Supervised && (train.masked() || val.masked())
	if r.Config.Gridsize > 1 && r.Config.Grouping == Shared && !c.Supervised {
		c.Canvas = train.canvasSize(net.N)
		if val != nil {
			c.Canvas = max(c.Canvas, val.canvasSize(net.N))
		}
	}
	return c
}

// initialState draws the parameters, unless they are given, and scales the probes.
func (r Request) initialState(net models.Config, step *Step, probes []*ndarray.Complex64, exposure []float64) *State {
	state := &State{Parameters: net.Initialise(r.Config.Seed), Exposure: exposure}
	for i, p := range r.Initial {
		copy(state.Parameters[i].Data, p.Data)
	}
	if step.Config.Anchored {
		for _, p := range state.Parameters {
			state.Start = append(state.Start, p.Clone())
		}
	}
	state.ProbeRe, state.ProbeIm = scaledProbes(probes, exposure)
	state.ScanWeights = ndarray.Wrap(slices.Repeat([]float32{1}, len(probes)), len(probes))
	state.Optimiser = optimisers()[defaultOptimiser](state.parameters(step.Config.TrainProbe))
	return state
}

// photons is the mean number of photons per pattern.
func (t *training) photons() float64 { return cmp.Or(t.request.Config.Photons, t.light.power) }

// result makes the models of the last and the best epoch.
func (t *training) result(cancelled bool) (_ *Result, err error) {
	s := t.state
	last := Epoch{Number: s.Epoch, TrainLoss: math.NaN(), ValLoss: math.NaN()}
	if len(s.History) > 0 {
		last = s.History[len(s.History)-1]
	}
	result := &Result{
		Config: t.request.Config, State: s, Cancelled: cancelled,
		Device: t.request.Engine.Device(), Fallback: t.request.Engine.Fallback(),
		Probes: probesInCounts(s.ProbeRe, s.ProbeIm, t.photons()),
	}
	if result.Model, err = t.model(s.Parameters, result.Probes[0], last); err != nil {
		return nil, err
	}
	if best := s.Best; best != nil {
		probe := probesInCounts(best.ProbeRe, best.ProbeIm, t.photons())[0]
		result.Best, err = t.model(best.Parameters, probe, s.History[best.Epoch-1])
	}
	return result, err
}

// model is the checkpoint of parameters after an epoch. For several scans it carries the probe of the first.
func (t *training) model(params []*ndarray.Float32, probe *ndarray.Complex64, e Epoch) (*onnxir.Model, error) {
	net, r := t.net, t.request
	meta := contract.Contract{
		Gridsize: r.Config.Gridsize, TrainingInput: scans(r.Scans).input(), Photons: t.photons(),
		Probe: probe, DataDigest: t.digest, Seed: r.Config.Seed, Epochs: e.Number, Loss: r.Config.lossText(),
		TrainLoss: e.TrainLoss, ValLoss: e.ValLoss, Engine: r.Engine.Name(), Device: r.Engine.Device(),
		Fallback: r.Engine.Fallback(),
	}
	model, err := export.Checkpoint(net, params, meta)
	if err != nil || !net.TakesProbe() || t.photons() == t.light.power {
		return model, err
	}
	net.Describe(&meta)
	fed := probe.Clone() // in the unit of the patterns, which are no photons here
	optics.NormalisePower(fed, optics.Power(probe)*t.light.power/t.photons())
	return model, contract.SetDefaultProbe(model, meta, fed)
}
