package main

import (
	"ptyx/internal/app/settings"
	"ptyx/internal/app/workflow"
	"ptyx/internal/recon/reconstruct"
	"ptyx/internal/recon/solve"
	"ptyx/internal/service/cluster"
)

type inferCmd struct {
	ModelPath  string `placeholder:"PATH" help:"Run directory or .onnx file. Default: the general network inside ptyx."`
	TestData   string `required:"" placeholder:"FILE" help:"Scan to reconstruct: NPZ, CXI or HDF5."`
	OutputDir  string `default:"out" placeholder:"DIR" help:"Directory for the object and its pictures."`
	NImages    int    `default:"0" help:"Groups of patterns drawn from the scan by the seed; 0: all."`
	Seed       uint64 `default:"0" help:"Random seed of --n-images."`
	BatchSize  int    `default:"8" help:"Patterns per batch of the network."`
	probeFlags `embed:""`
	Refine     int           `default:"0" help:"Passes of the solver afterwards, as in ptyx refine; 0: none."`
	Config     settings.File `placeholder:"YAML" help:"File of settings for the flags that are not given."`
	JSON       bool          `name:"json" help:"Print the result as JSON."`

	workerFlags `embed:"" group:"Remote workers"`
	scanFlags   `embed:"" group:"Reading the scan"`
	engineFlags `embed:"" group:"Compute"`
}

// workerFlags have the workers of a broker run the network.
type workerFlags struct {
	NATS      string `name:"nats" placeholder:"URL" settings:"-" help:"Broker whose workers run the network."`
	InFlight  int    `settings:"-" default:"64" help:"Maximum number of batches at the workers at once, up to 1000."`
	natsFlags `embed:""`
}

// probeFlags choose the probe of a network that takes one.
type probeFlags struct {
	Probe       string `placeholder:"FILE" help:"Probe: model, scan (its own) or a file with one. Default: see above."`
	ProbePasses *int   `placeholder:"COUNT" help:"Passes that calibrate this probe on the scan first; 0: none."`
}

// choice is the probe that the flags choose. The default is that of the model; the general network has none, and takes
// that of the scan, calibrated.
func (f probeFlags) choice(general bool) workflow.ProbeChoice {
	c := workflow.ProbeChoice{From: f.Probe}
	if general && f.Probe == "" {
		c.From, c.Passes = workflow.ScanProbe, solve.CalibrationPasses
	}
	if f.ProbePasses != nil {
		c.Passes = *f.ProbePasses
	}
	return c
}

// Help explains what does not fit into a line.
func (inferCmd) Help() string {
	return `Without --model-path, ptyx uses its general network, which was trained on simulated experiments of every
kind and needs no training on the scan. It takes the scan's own probe, whose focus ptyx finds and which 16 passes on the
scan calibrate. If a probe made from the patterns explains them much better, ptyx warns and calibrates that one.
Patterns may have any multiple of 8 from 32 to 512 pixels a side. docs/general.md says how good the object is.

With --model-path, --probe is model by default. The default network takes the probe as an input, and has the one that
its training ended with. For a scan with another probe, use --probe scan, or --probe FILE with the result of ptyx solve
or another scan. If that probe may be wrong, add --probe-passes 16.

If the object does not explain its patterns, or if these show no object, ptyx warns and names what to try.

Each run writes its settings to reconstruction.yaml beside the object; --config reads such a file.

With --nats, the workers of a broker run the network (see ptyx broker and ptyx worker). A URL is nats://HOST:4222 or
tls://HOST:4222; several are separated by commas. Two batches in flight for each worker keep all of them busy. After an
interruption, the same command continues where it stopped.`
}

// Run reconstructs.
func (c *inferCmd) Run(app *appContext) error {
	limitGarbage()
	text, err := settings.Of(app.Parsed)
	if err != nil {
		return err
	}
	var address cluster.Address
	if c.NATS != "" {
		if address, err = c.address(c.NATS); err != nil {
			return err
		}
	}
	result, err := workflow.Infer(app.Context, workflow.InferOptions{
		Model: c.ModelPath, Scan: c.TestData, Read: c.read(), OutputDir: c.OutputDir,
		Selection: reconstruct.Options{Count: c.NImages, Seed: c.Seed, BatchSize: c.BatchSize},
		Probe:     c.choice(c.ModelPath == ""),
		Refine:    c.Refine, Engine: c.options(app.Log), Cluster: address, InFlight: c.InFlight,
		Settings: text, Progress: app.progress(),
	}, app.Log)
	return app.concludeSaved(result, result != nil, err, c.JSON)
}
