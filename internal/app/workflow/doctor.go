package workflow

import (
	"context"
	"fmt"
	"math"
	"time"

	"ptyx/export"
	"ptyx/internal/base/frame"
	"ptyx/internal/graph/contract"
	"ptyx/internal/recon/engine"
	"ptyx/internal/recon/predict"
	"ptyx/internal/recon/predict/local"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/simulate"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/trainer"
)

// Diagnosis describes the library, the machine, and what was tried on its devices.
type Diagnosis struct {
	ort.Diagnosis
	Trials []Trial `json:"trials"`
}

// Trial is a computation that was tried on a device.
type Trial struct {
	What      string   `json:"what"`
	Device    string   `json:"device"`    // "cpu" or "cuda"
	Seconds   float64  `json:"seconds"`   // of one run, after another that warmed up
	Against   string   `json:"against"`   // what the numbers are compared with: "Go", "cpu", or empty
	Deviation *float64 `json:"deviation"` // relative norm of the difference; nil without a comparison
	Tolerance float64  `json:"tolerance"` // largest deviation that is accepted
	Error     string   `json:"error"`     // why the trial failed; empty if it did not
}

// String is one line: "training step on cuda: 3.1 ms, differs from cpu by 2e-06, at most 0.001".
func (t Trial) String() string {
	text := t.What + " on " + t.Device + ": "
	if t.Error != "" {
		return text + t.Error
	}
	text += fmt.Sprintf("%.3g ms", 1e3*t.Seconds)
	if t.Deviation != nil {
		text += fmt.Sprintf(", differs from %s by %.1g, at most %g", t.Against, *t.Deviation, t.Tolerance)
	}
	return text
}

// Tolerances of the trials. On a CPU, ONNX Runtime differs from Go by up to 1e-5 in a checkpoint, and CUDA's graph of
// a step from the CPU's by 1e-5. Weights rounded to TF32, which ptyx switches off, change a checkpoint by 8e-3.
const (
	checkpointTolerance = 1e-4
	stepTolerance       = 1e-3
)

// againstGo is the reference of the CPU: Gorgonia's tape.
const againstGo = "Go"

// Diagnose examines the library and the machine as [ort.Diagnose] does. Then it computes a checkpoint of every network
// and a training step on every device that it found, and compares the numbers. A device that fails is not usable.
func Diagnose(ctx context.Context, library string) (Diagnosis, error) {
	d := Diagnosis{Diagnosis: ort.Diagnose(library), Trials: []Trial{}}
	if !d.Usable() {
		return d, nil
	}
	tasks, err := trialTasks(ctx, library)
	if err != nil {
		return d, err
	}
	// ONNX Runtime stays open between the trials: CUDA takes long to start.
	env, err := engine.Options{Library: library}.Environment()
	if err != nil {
		return d, err
	}
	defer env.Close()
	return d, d.try(ctx, tasks)
}

// trialTask is a computation that is tried on every device.
type trialTask struct {
	what      string
	tolerance float64
	inGo      bool // Go computes it too, as the reference of the CPU; a training step would take it seconds
	run       func(kind engine.Kind, device ort.Device) (*numbers, error)
}

// numbers holds the results of a task. Each list has its own scale, so that each counts in a comparison.
type numbers struct {
	lists [][]float64
	took  time.Duration
}

// try runs all tasks on the CPU and, if it seems usable, on CUDA.
func (d *Diagnosis) try(ctx context.Context, tasks []trialTask) error {
	devices := []ort.Device{ort.CPU}
	if d.CUDA.Usable {
		devices = append(devices, ort.CUDA)
	}
	for _, t := range tasks {
		reference, against := (*numbers)(nil), ""
		if t.inGo {
			var err error
			if reference, err = t.run(engine.KindTape, ort.CPU); err != nil {
				return fmt.Errorf("computing the %s in Go: %w", t.what, err)
			}
			against = againstGo
		}
		for _, device := range devices {
			if err := ctx.Err(); err != nil {
				return err
			}
			got, trial := t.try(device, reference, against)
			d.Trials = append(d.Trials, trial)
			if trial.Error != "" {
				d.reject(device, trial)
			}
			if device == ort.CPU {
				reference, against = got, device.String()
			}
		}
	}
	return nil
}

// try runs the task on a device; without numbers to compare with, reference is nil. The numbers of a failure are nil.
func (t trialTask) try(device ort.Device, reference *numbers, against string) (*numbers, Trial) {
	trial := Trial{What: t.what, Device: device.String(), Tolerance: t.tolerance}
	got, err := t.run(engine.KindORT, device)
	if err != nil {
		trial.Error = err.Error()
		return nil, trial
	}
	trial.Seconds = got.took.Seconds()
	if !got.finite() {
		trial.Error = "the numbers are not finite"
		return nil, trial
	}
	if reference != nil {
		deviation := got.deviation(reference)
		trial.Against, trial.Deviation = against, &deviation
		if deviation > t.tolerance {
			trial.Error = fmt.Sprintf("differs from %s by %.2g, more than %g", against, deviation, t.tolerance)
		}
	}
	return got, trial
}

// reject marks a device as not usable.
func (d *Diagnosis) reject(device ort.Device, t Trial) {
	why := fmt.Sprintf("the %s fails on %s: %s", t.What, t.Device, t.Error)
	remedy := "the library is damaged or not for this machine; `make lib` obtains the pinned version"
	if device == ort.CUDA {
		if !d.CUDA.Usable {
			return // the first failure is reported
		}
		d.CUDA = ort.CUDAStatus{Why: why}
		remedy = "use --device cpu, and the CUDA and cuDNN releases that this ONNX Runtime is built for"
	} else {
		d.Runs = false
	}
	d.Problems = append(d.Problems, ort.Problem{What: why, Remedy: remedy})
}

func (o *numbers) finite() bool {
	for _, list := range o.lists {
		for _, v := range list {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return false
			}
		}
	}
	return true
}

// deviation is |a - b| / |b - mean(b)| (Euclidean norms) of the list in which it is largest. An untrained network gives
// almost the same value everywhere: compared with that value, an error of its layers would vanish.
func (o *numbers) deviation(reference *numbers) float64 {
	largest := 0.0
	for i, list := range o.lists {
		b, mean := reference.lists[i], 0.0
		if len(b) > 1 {
			for _, v := range b {
				mean += v / float64(len(b))
			}
		}
		difference, norm := 0.0, 0.0
		for k, v := range list {
			difference, norm = difference+(v-b[k])*(v-b[k]), norm+(b[k]-mean)*(b[k]-mean)
		}
		if difference > 0 {
			largest = max(largest, min(math.Sqrt(difference/norm), math.MaxFloat64))
		}
	}
	return largest
}

// The scan of the trials.
const (
	trialSamples = 4 // patterns, a group of gridsize 2
	trialPhotons = 1e6
)

// untrained fills the fields of a contract that tell about a training.
const untrained = "none"

// trialTasks lists the trials, on a simulated scan: a checkpoint of every network, and a step of the default training.
func trialTasks(ctx context.Context, library string) ([]trialTask, error) {
	scan, err := trialScan(ctx)
	if err != nil {
		return nil, err
	}
	options := func(kind engine.Kind, device ort.Device) engine.Options {
		return engine.Options{Kind: kind, Device: device, Library: library}
	}
	var list []trialTask
	for _, network := range models.Kinds() {
		net, parameters := drawnNetwork(network, scan)
		model, err := checkpointOf(net, parameters, scan)
		if err != nil {
			return nil, err
		}
		list = append(list, trialTask{
			what: "checkpoint of network " + network.String(), tolerance: checkpointTolerance, inGo: true,
			run: func(kind engine.Kind, device ort.Device) (*numbers, error) {
				return runCheckpoint(options(kind, device), models.Kind(network), model, scan)
			},
		})
	}
	return append(list, trialTask{
		what: "training step", tolerance: stepTolerance,
		run: func(kind engine.Kind, device ort.Device) (*numbers, error) {
			return runStep(options(kind, device), scan)
		},
	}), nil
}

// trialScan is a few overlapping patterns, without noise: at a pixel without photons, a rounding error would decide on
// which side of its kink a ReLU is.
func trialScan(ctx context.Context) (dataset.ScanData, error) {
	return simulate.Run(ctx, simulate.Options{
		N: 64, Object: simulate.Blobs, Absorption: 0.3, Phase: 1, Probe: simulate.ZonePlate, ProbeSize: 20,
		Scan: simulate.Fermat, Count: trialSamples, Step: 4, Photons: trialPhotons, Noiseless: true,
	})
}

// trialConfig is the default training, of the narrowest network.
func trialConfig(network models.Kind, scan dataset.ScanData) trainer.Config {
	c := trainer.DefaultConfig()
	c.N, c.Network, c.FiltersScale = scan.Patterns.Shape[1], network, 1
	return c
}

// drawnNetwork is an untrained network for a scan.
func drawnNetwork(network models.Kind, scan dataset.ScanData) (models.Config, []*models.Array) {
	c := trialConfig(network, scan)
	net := c.NetworkConfig(trainer.InputScale(scan.Patterns))
	parameters := net.Initialise(c.Seed)
	return net, parameters
}

// checkpointOf is the model file of an untrained network.
func checkpointOf(net models.Config, parameters []*models.Array, scan dataset.ScanData) ([]byte, error) {
	model, err := export.Checkpoint(net, parameters, contract.Contract{
		Gridsize: 1, TrainingInput: string(dataset.Amplitude), Photons: trialPhotons, Probe: scan.Probe,
		Loss: untrained, TrainLoss: math.NaN(), ValLoss: math.NaN(),
		DataDigest: untrained, Engine: untrained, Device: untrained,
	})
	if err != nil {
		return nil, err
	}
	return model.Marshal(), nil
}

// runCheckpoint computes the patches of all patterns as one batch.
func runCheckpoint(
	o engine.Options, network models.Kind, model []byte, scan dataset.ScanData,
) (*numbers, error) {
	predictor, release, err := local.Open(o, model)
	if err != nil {
		return nil, err
	}
	defer func() { _ = predictor.Close(); _ = release() }() // the numbers are there
	batch, err := predictor.Prepare(trialSamples)
	if err != nil {
		return nil, err
	}
	defer func() { _ = batch.Close() }()
	copy(batch.Patterns().Data, scan.Patterns.Data)
	if offsets := batch.Offsets(); offsets != nil {
		for i := range trialSamples {
			offsets.Data[2*i] = float32(frame.Fraction(scan.X[i]))
			offsets.Data[2*i+1] = float32(frame.Fraction(scan.Y[i]))
		}
	}
	var out numbers
	patches := make([]complex64, len(scan.Patterns.Data))
	runs := 2 // the first warms up
	if o.Kind == engine.KindTape {
		runs = 1
	}
	for range runs {
		start := time.Now()
		first, second, err := batch.Run()
		if err != nil {
			return nil, err
		}
		out.took = time.Since(start)
		predict.Complex(contract.Contract{Network: string(network)}, first.Data, second.Data, patches)
	}
	re, im := make([]float64, len(patches)), make([]float64, len(patches))
	for i, v := range patches { // a phase of pi equals one of -pi
		re[i], im[i] = float64(real(v)), float64(imag(v))
	}
	out.lists = [][]float64{re, im}
	return &out, nil
}

// runStep computes the loss and the gradients of a training step over one group.
func runStep(o engine.Options, scan dataset.ScanData) (*numbers, error) {
	e, release, err := o.Open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = release() }()
	data := &trainer.Data{
		Patterns: scan.Patterns, X: scan.X, Y: scan.Y, Scan: make([]int, trialSamples), Groups: [][]int{{0, 1, 2, 3}},
	}
	step, err := trainer.Try(e, trialConfig(trainer.DefaultConfig().Network, scan), data, scan.Probe)
	if err != nil {
		return nil, err
	}
	var gradients []float64
	for _, g := range step.Gradients {
		for _, v := range g.Data {
			gradients = append(gradients, float64(v))
		}
	}
	return &numbers{lists: [][]float64{{step.Loss}, gradients}, took: step.Took}, nil
}
