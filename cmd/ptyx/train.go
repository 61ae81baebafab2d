package main

import (
	"errors"
	"runtime/debug"

	"ptyx/internal/app/workflow"
	"ptyx/internal/base/badinput"
	"ptyx/internal/recon/engine"
	"ptyx/models"
	"ptyx/runtime"
	"ptyx/trainer"
)

type trainCmd struct {
	TrainDataFile []string `aliases:"train_data_file" sep:"none" placeholder:"FILE" help:"Scan to train on: NPZ, CXI or HDF5. Given several times, or as a pattern such as 'scans/*.npz': all in one training, a probe each."`
	TestDataFile  []string `aliases:"test_data_file" sep:"none" placeholder:"NPZ" help:"Scan for the validation loss, seen with the probe of the training scan at its place; without it a fraction of the training scans."`
	OutputDir     string   `aliases:"output_dir" placeholder:"run" complete:"directory" help:"Run directory: model.onnx, metrics.csv, loss.png, config.yaml, probe.npz."`
	Export        string   `placeholder:"ONNX" help:"Also write the model here."`
	Resume        string   `placeholder:"DIR" complete:"directory" help:"Go on with the training of this run directory as if it had never stopped. Its config.yaml counts; of the flags, only --max-epochs and --export."`
	Config        string   `placeholder:"YAML" help:"Run the training of this config.yaml, as every run writes one. Flags that are given win over it."`
	Live          string   `placeholder:"[HOST]:PORT" complete:"-" help:"Show a page about the training while it runs, such as :8080, on this machine alone unless a host is given; nothing else changes."`
	DryRun        bool     `aliases:"dry_run" help:"Try a few steps and print what would run: shapes, parameters, memory, time. Nothing is written."`
	JSON          bool     `name:"json" help:"Print what was done as JSON, or with --dry-run what would be."`
	Init          string   `placeholder:"ONNX" help:"Start from the weights of this model (file or run directory)."`

	MaxEpochs  *int             `aliases:"max_epochs" placeholder:"60" help:"Passes over the data."`
	NImages    int              `aliases:"n_images" default:"0" help:"Groups of patterns drawn from the scans by the seed; 0: all."`
	Gridsize   int              `default:"2" help:"Patterns per sample are the square of this."`
	Neighbours int              `default:"0" help:"Nearest neighbours of a position that its samples draw from; 0: gridsize squared."`
	Oversample int              `default:"1" help:"Different samples drawn for each position, with --gridsize above 1: more combinations, longer epochs."`
	BatchSize  int              `aliases:"batch_size" default:"8" help:"Patterns per step; with --grouping channels, samples per step."`
	Grouping   trainer.Grouping `default:"shared" help:"With --gridsize above 1: shared (one network sees each pattern, overlapping patches must agree) or channels (PtychoPINN's: the network sees a sample's patterns at once)."`

	LearningRate  float64           `aliases:"learning_rate" default:"0.002" help:"Of Adam, at its highest."`
	Schedule      trainer.Schedule  `default:"cosine" help:"Of the learning rate: constant, cosine, exponential or plateau."`
	WarmUp        float64           `aliases:"warm_up" default:"0.5" help:"Epochs in which the learning rate rises from 0."`
	Mode          trainer.Mode      `default:"physics" help:"physics: the prediction has to explain the patterns; supervised: it has to be the truth that the scan carries, as Y or objectGuess."`
	Loss          trainer.Term      `placeholder:"poisson" help:"What is compared by: poisson or mae, the term of weight 1; with --mode supervised always mae, of the object's amplitude and phase factor."`
	PoissonWeight *float64          `aliases:"poisson_weight" placeholder:"1" help:"Weight of the Poisson likelihood; without it 1 or 0, as --loss says."`
	MAEWeight     *float64          `name:"mae-weight" aliases:"mae_weight" placeholder:"0" help:"Weight of the amplitudes' mean absolute error; without it 0 or 1, as --loss says."`
	Smoothness    float64           `default:"0" help:"Weight of the object's total variation where the probe lights it."`
	Clip          float64           `default:"0" help:"Largest norm of the gradient; 0: any."`
	EarlyStop     int               `aliases:"early_stop" default:"0" help:"End when the loss has not improved for this many epochs; 0: never."`
	ValFraction   float64           `aliases:"val_fraction" default:"0.05" help:"Share of the scan kept for the validation loss."`
	Nphotons      float64           `default:"0" help:"Mean photons per pattern; 0: the data hold counts."`
	Seed          uint64            `default:"0" help:"Of everything that is drawn."`
	Network       models.Kind       `default:"estimate" help:"What the network is shown: estimate (a first estimate of the object, made in the graph of the pattern and the probe; it corrects that) or pattern (PtychoPINN's: the bare pattern)."`
	NFiltersScale int               `aliases:"n_filters_scale" default:"2" help:"Multiplies the filters of every layer."`
	ObjectExtent  models.Extent     `aliases:"object_extent" default:"full" help:"centre or full: the part of the patch that the network fills."`
	Probe         trainer.ProbeMode `default:"trainable" help:"trainable (calibrated, then refined with the network) or fixed (taken as given)."`
	ProbePasses   int               `aliases:"probe_passes" default:"10" help:"Passes of ePIE that calibrate a trainable probe before the network sees it; 0: none."`
	ProbeRate     float64           `aliases:"probe_rate" default:"1" help:"Learning rate of a trainable probe, relative to the network's."`
	ProbeWarmUp   int               `aliases:"probe_warm_up" default:"1" help:"Epochs before a trainable probe starts to move."`
	ProbeFile     []string          `aliases:"probe_file" sep:"none" placeholder:"FILE" help:"Take the probe from this file; for several scans one for all or one for each."`
	inputFlags    `embed:"" group:"How the scan is read"`

	viewFlags `embed:"" group:"How the scan is read"`

	MemoryLimit int `aliases:"memory_limit" default:"256" help:"MB of patterns that memory may hold; more than that are read from disk as they are needed, with the same result; 0: no limit."`

	engineFlags   `embed:"" group:"What computes"`
	DisableMLflow bool `name:"disable-mlflow" aliases:"disable_mlflow" help:"Accepted for PtychoPINN's scripts: ptyx always logs to plain files only."`
}

// engineFlags choose what computes.
type engineFlags struct {
	Engine      engine.Kind    `default:"ort" help:"ort (ONNX Runtime) or tape (Gorgonia, needs no library)."`
	Device      runtime.Device `default:"auto" help:"cpu, cuda or auto."`
	Threads     int            `default:"0" help:"Threads; 0: one per core."`
	Onnxruntime string         `placeholder:"PATH" help:"ONNX Runtime library; without it the usual places are searched, see ptyx doctor."`
	Profile     string         `placeholder:"JSON" help:"Write ONNX Runtime's profile here."`
}

func (f engineFlags) options() engine.Options {
	return engine.Options{Kind: f.Engine, Device: f.Device, Threads: f.Threads, Library: f.Onnxruntime, Profile: f.Profile}
}

// What --max-epochs and --output-dir are without a wish.
const (
	defaultEpochs    = 60
	defaultOutputDir = "run"
)

// Run trains.
func (c *trainCmd) Run(app *appContext) error {
	debug.SetGCPercent(garbage)
	options, err := c.options(app.Given)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.rehearse(app, options)
	}
	options.Live = c.Live
	options.Quiet = app.Quiet
	done, err := workflow.Train(app.Context, options, app.Stderr, app.Log)
	if done == nil || err != nil && !c.JSON { // an interruption says for itself what it saved
		return err
	}
	return errors.Join(err, app.conclude(done, c.JSON))
}

// rehearse tries a training.
func (c *trainCmd) rehearse(app *appContext, o workflow.TrainOptions) error {
	r, err := workflow.Rehearse(app.Context, o, app.Log)
	if err != nil {
		return err
	}
	if c.JSON {
		return writeJSON(app.Stdout, r)
	}
	return r.WriteText(app.Stdout)
}

// options are those of a run to be resumed or to be run again, or the flags'.
func (c *trainCmd) options(given map[string]bool) (workflow.TrainOptions, error) {
	switch {
	case c.Resume != "":
		o, err := workflow.LoadTrainOptions(c.Resume)
		o.Resume = true
		if c.MaxEpochs != nil {
			o.Config.MaxEpochs = *c.MaxEpochs
		}
		if c.Export != "" {
			o.Export = c.Export
		}
		return o, err
	case c.Config != "":
		o, err := workflow.ReadTrainOptions(c.Config)
		if err != nil {
			return o, err
		}
		return overlay(o, c.said(), given), nil
	}
	if len(c.TrainDataFile) == 0 {
		return workflow.TrainOptions{}, &badinput.Error{Key: "--train-data-file", Found: "nothing", Expected: "a scan to train on, or --resume with a run directory"}
	}
	return c.said(), nil
}

// said is what the flags say, with their defaults.
func (c *trainCmd) said() workflow.TrainOptions {
	dir := c.OutputDir
	if dir == "" {
		dir = defaultOutputDir
	}
	return workflow.TrainOptions{
		TrainFiles: c.TrainDataFile, TestFiles: c.TestDataFile, ProbeFiles: c.ProbeFile, Input: c.Input, Layout: c.Layout, View: c.view(),
		OutputDir: dir, Export: c.Export, Init: c.Init, Memory: c.MemoryLimit, Engine: c.engineFlags.options(), Config: c.settings(),
	}
}

func (c *trainCmd) settings() trainer.Config {
	epochs := defaultEpochs
	if c.MaxEpochs != nil {
		epochs = *c.MaxEpochs
	}
	return trainer.Config{
		Mode: c.Mode, Gridsize: c.Gridsize, Grouping: c.Grouping, Neighbours: c.Neighbours, Oversample: c.Oversample, Network: c.Network, FiltersScale: c.NFiltersScale, Extent: c.ObjectExtent, Loss: c.loss(), Seed: c.Seed,
		MaxEpochs: epochs, BatchSize: c.BatchSize, LearningRate: c.LearningRate, Schedule: c.Schedule, WarmUp: c.WarmUp, ValFraction: c.ValFraction, Clip: c.Clip, EarlyStop: c.EarlyStop,
		Photons: c.Nphotons, Probe: c.Probe, ProbePasses: c.ProbePasses, ProbeRate: c.ProbeRate, ProbeWarmUp: c.ProbeWarmUp, Patterns: c.NImages,
		Floor: trainer.DefaultFloor,
	}
}

// loss is the term that --loss names, and what the weights say otherwise.
func (c *trainCmd) loss() trainer.Loss {
	term := c.Loss
	switch {
	case term != "":
	case c.Mode == trainer.Supervised:
		term = trainer.MAE
	default:
		term = trainer.Poisson
	}
	l := term.Loss()
	if c.PoissonWeight != nil {
		l.Poisson = *c.PoissonWeight
	}
	if c.MAEWeight != nil {
		l.MAE = *c.MAEWeight
	}
	l.Smoothness = c.Smoothness
	return l
}
