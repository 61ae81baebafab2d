package main

import (
	"runtime/debug"

	"ptyx/internal/app/settings"
	"ptyx/internal/app/workflow"
	"ptyx/internal/service/cluster"
)

type inferCmd struct {
	ModelPath  string        `required:"" aliases:"model_path" placeholder:"PATH" help:"Run directory or .onnx file."`
	TestData   string        `required:"" aliases:"test_data" placeholder:"FILE" help:"Scan to reconstruct: NPZ, CXI or HDF5."`
	OutputDir  string        `aliases:"output_dir" default:"out" complete:"directory" help:"Where the object and its pictures go."`
	NImages    int           `aliases:"n_images" default:"0" help:"Groups of patterns drawn from the scan by the seed; 0: all."`
	Seed       uint64        `default:"0" help:"Of the draw."`
	BatchSize  int           `aliases:"batch_size" default:"16" help:"Patterns handed to the network at once."`
	Refine     int           `default:"0" help:"Passes of the solver that follow, as of ptyx refine; 0: none."`
	Config     settings.File `placeholder:"YAML" help:"Take what is not given here from this file of settings, such as the reconstruction.yaml that each run writes beside its object."`
	JSON       bool          `name:"json" help:"Print what was done as JSON."`
	NATS       string        `name:"nats" placeholder:"URL" complete:"-" settings:"-" group:"Workers elsewhere" help:"Have the workers of a broker run the network, ptyx worker: nats://HOST:4222 or tls://HOST:4222, several with commas. The same command, given again after an interruption, goes on."`
	InFlight   int           `aliases:"in_flight" settings:"-" default:"64" group:"Workers elsewhere" help:"Batches that are with the workers at once, at most; two for each worker keep all at work."`
	natsFlags  `embed:"" group:"Workers elsewhere"`
	inputFlags `embed:"" group:"How the scan is read"`

	viewFlags   `embed:"" group:"How the scan is read"`
	engineFlags `embed:"" group:"What computes"`
}

// garbage is how far the heap may grow beyond what is in use, in percent. Inference and training make little garbage, and
// what is in use are a few large arrays, the canvas or the parameters and moments: the usual 100 would keep room for second
// ones.
const garbage = 10

// Run reconstructs.
func (c *inferCmd) Run(app *appContext) error {
	debug.SetGCPercent(garbage)
	told, err := settings.Of(app.Command)
	if err != nil {
		return err
	}
	var address cluster.Address
	if c.NATS != "" {
		if address, err = c.address(c.NATS); err != nil {
			return err
		}
	}
	done, err := workflow.Infer(app.Context, workflow.InferOptions{
		Model: c.ModelPath, Scan: c.TestData, Input: c.Input, Layout: c.Layout, View: c.view(), OutputDir: c.OutputDir,
		Count: c.NImages, Seed: c.Seed, BatchSize: c.BatchSize, Refine: c.Refine, Engine: c.options(), Cluster: address, InFlight: c.InFlight,
		Settings: told, Progress: app.progress(),
	}, app.Log)
	if err != nil {
		return err
	}
	return app.conclude(done, c.JSON)
}
