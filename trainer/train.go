package trainer

import (
	"context"
	"errors"
	"log/slog"
	"math"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/models"
)

// Request is one training: a configuration, the scans and an engine.
type Request struct {
	Config      Config
	Scans       []*dataset.Scan                            // at least one, all of one pattern size; each has a probe of its own
	Validation  []*dataset.Scan                            // for validation, each seen with the probe of the training scan at its place; none: a fraction of Scans
	Initial     []*ndarray.Float32                         // parameters to start from; nil: drawn from the seed
	Resume      string                                     // state file to go on from; empty: from the beginning
	Checkpoint  string                                     // state file written after every epoch and at the end; empty: none
	MemoryLimit int64                                      // bytes of patterns that memory may hold, more are read from disk as they are needed; 0: any
	Scratch     string                                     // directory for what has to be unpacked for that; empty: the system's
	AfterEpoch  func(result func() (*Result, error)) error // called after every epoch, when its state is saved; result makes the network as it is then; nil: nothing
	Begin       func() error                               // called when all is ready, before the first step and before anything is written; nil: nothing
	Engine      engine.Engine
	Progress    Progress
	Log         *slog.Logger
}

// Result is a trained network, ready to be written.
type Result struct {
	Config    Config
	State     *State
	Model     *onnxir.Model
	Best      *onnxir.Model        // the same at the lowest judged loss; nil if no epoch was finished
	Probes    []*ndarray.Complex64 // (N, N) of each scan, in counts
	Device    string
	Cancelled bool // stopped by the context; the model holds what was reached
}

// job is a training that is ready to begin.
type job struct {
	request    Request
	train, val *Data
	light      light
	net        models.Config
	state      *State
	digest     string
	fitter     *Fitter
}

// Train fits a network. When the context is done it stops early and still returns a result.
func Train(ctx context.Context, r Request) (*Result, error) {
	j, err := r.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer j.close()
	r = j.request
	if r.Begin != nil {
		if err := r.Begin(); err != nil {
			return nil, err
		}
	}
	save := func() error { return nil }
	if r.Checkpoint != "" {
		save = func() error { return j.state.SaveState(r.Checkpoint, j.net.Specs(), j.digest) }
		j.fitter.checkpoint = save
	}
	result := func(cancelled bool) (*Result, error) {
		return r.result(j.net, j.state, j.light.power, j.digest, cancelled)
	}
	if r.AfterEpoch != nil {
		j.fitter.checkpoint = func() error {
			return errors.Join(save(), r.AfterEpoch(func() (*Result, error) { return result(false) }))
		}
	}
	r.Log.Debug("training", "patterns", len(j.train.Groups), "parameters", j.net.ParameterCount(), "engine", r.Engine.Name(), "device", r.Engine.Device())
	err = j.fitter.Run(ctx)
	cancelled := err != nil && errors.Is(err, context.Canceled)
	if err != nil && !cancelled {
		return nil, err
	}
	if cancelled {
		if err := save(); err != nil {
			return nil, err
		}
	}
	return result(cancelled)
}

// prepare does all that comes before the first step, and writes nothing.
func (r Request) prepare(ctx context.Context) (_ *job, err error) {
	if err := r.Config.Validate(); err != nil {
		return nil, err
	}
	if err := r.network(1).Validate(); err != nil {
		return nil, err
	}
	r.Config = r.Config.settled()
	j := &job{request: r}
	defer func() {
		if err != nil {
			j.close()
		}
	}()
	if j.train, j.val, err = r.data(); err != nil {
		return nil, err
	}
	if j.light, err = scans(r.Scans).light(); err != nil {
		return nil, err
	}
	j.net = r.network(j.light.power)
	whole := r.step(j.net, j.train, j.val, j.light.power)
	replicas := r.Engine.Replicas(whole.Samples)
	whole.Samples /= replicas
	step, err := NewStep(whole)
	if err != nil {
		return nil, err
	}
	probes, err := r.probes(ctx, j.train)
	if err != nil {
		return nil, err
	}
	j.state = r.initialState(j.net, step, probes, j.light.exposure)
	if j.digest, err = scans(r.Scans).digest(); err != nil {
		return nil, err
	}
	if r.Resume != "" {
		if err := j.state.LoadState(r.Resume, j.net.Specs(), j.digest); err != nil {
			return nil, err
		}
	}
	j.fitter, err = NewFitter(r.Engine, r.Config, step, replicas, j.state, j.train, j.val, r.Progress)
	return j, err
}

func (j *job) close() {
	if j.fitter != nil {
		j.fitter.Close()
	}
	j.val.Close()
	j.train.Close()
}

// network is the network for a scan of the given mean power: its input is normalised to a power of (N/2)^2 per pattern.
func (r Request) network(power float64) models.Config {
	half := float64(r.Config.N / 2)
	return r.Config.NetworkConfig(math.Sqrt(half * half / power))
}

// step is the configuration of the training step.
func (r Request) step(net models.Config, train, val *Data, power float64) StepConfig {
	c := StepConfig{
		Net: net, Samples: r.Config.samples(len(train.Groups)), Group: r.Config.Gridsize * r.Config.Gridsize,
		Scans: len(r.Scans), Loss: r.Config.Loss, Epsilon: float32(r.Config.Floor), TrainProbe: r.Config.learnsProbe(),
		Supervised: r.Config.Mode == Supervised,
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

// photons is the mean number of photons per pattern.
func (r Request) photons(power float64) float64 {
	if r.Config.Photons > 0 {
		return r.Config.Photons
	}
	return power
}

func (r Request) initialState(net models.Config, step *Step, probes []*ndarray.Complex64, exposure []float64) *State {
	state := &State{Parameters: net.Initialise(r.Config.Seed), Trained: net.Trained(), Exposure: exposure}
	net.SetProbe(state.Parameters, probes[0])
	for i, p := range r.Initial {
		copy(state.Parameters[i].Data, p.Data)
	}
	state.ProbeRe, state.ProbeIm = scaledProbes(probes, exposure)
	state.Optimiser = optimisers()[defaultOptimiser](state.trained(step.Config.TrainProbe))
	return state
}

func (r Request) result(net models.Config, state *State, power float64, digest string, cancelled bool) (*Result, error) {
	last := Epoch{Number: state.Epoch, TrainLoss: math.NaN(), ValLoss: math.NaN()}
	if len(state.History) > 0 {
		last = state.History[len(state.History)-1]
	}
	result := &Result{Config: r.Config, State: state, Device: r.Engine.Device(), Cancelled: cancelled}
	result.Probes = probesInCounts(state.ProbeRe, state.ProbeIm, r.photons(power))
	var err error
	if result.Model, err = r.model(net, state.Parameters, result.Probes[0], power, digest, last); err != nil {
		return nil, err
	}
	if best := state.Best; best != nil {
		probe := probesInCounts(best.ProbeRe, best.ProbeIm, r.photons(power))[0]
		result.Best, err = r.model(net, best.Parameters, probe, power, digest, state.History[best.Epoch-1])
	}
	return result, err
}

// model is the checkpoint of the given parameters, reached after an epoch. Of several scans it carries the first one's probe.
func (r Request) model(net models.Config, params []*ndarray.Float32, probe *ndarray.Complex64, power float64, digest string, e Epoch) (*onnxir.Model, error) {
	return export.Checkpoint(net, params, contract.Contract{
		PtyxVersion: version.String,
		N:           net.N, Gridsize: r.Config.Gridsize, Channels: net.Channels, FiltersScale: net.FiltersScale,
		Network: net.Kind.String(), ObjectExtent: string(net.Extent), TrainingInput: scans(r.Scans).input(),
		InputScale: net.InputScale, AmplitudeMax: net.AmplitudeMax, Photons: r.photons(power),
		Probe: probe, ProbeDigest: optics.ProbeDigest(probe), DataDigest: digest,
		Seed: r.Config.Seed, Epochs: e.Number, Loss: r.Config.lossText(),
		TrainLoss: e.TrainLoss, ValLoss: e.ValLoss, Engine: r.Engine.Name(), Device: r.Engine.Device(),
	})
}
