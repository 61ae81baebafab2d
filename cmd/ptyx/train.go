package main

import (
	"bytes"
	"cmp"

	"gopkg.in/yaml.v3"

	"ptyx/internal/app/settings"
	"ptyx/internal/app/workflow"
	"ptyx/internal/base/badinput"
	"ptyx/internal/service/live"
	"ptyx/models"
	"ptyx/trainer"
)

// trainCmd declares a flag for each key of a run's config.yaml, named by the key. The weights of the loss, which are
// nested there, are the exception.
type trainCmd struct {
	TrainDataFile []string `sep:"none" placeholder:"FILE" help:"Scan to train on. May be repeated."`
	TestDataFile  []string `sep:"none" placeholder:"FILE" help:"Scan for the validation loss. May be repeated."`
	OutputDir     string   `default:"run" placeholder:"DIR" help:"Run directory to write."`
	Export        string   `placeholder:"ONNX" help:"Second copy of the model."`
	Init          string   `default:"general" placeholder:"ONNX" help:"Start: general, none, or a model or its run."`

	Resume   string `settings:"-" placeholder:"DIR" help:"Run directory whose training to resume."`
	Config   string `settings:"-" placeholder:"YAML" help:"The config.yaml of a run to repeat. Flags override it."`
	Live     string `settings:"-" placeholder:"[HOST]:PORT" help:"Address of a live page about the training."`
	Insecure bool   `settings:"-" help:"Show the live page to other machines. Anyone on the network can read it."`
	DryRun   bool   `settings:"-" help:"Try a few steps and print the shapes, memory and time. Nothing is written."`
	JSON     bool   `name:"json" help:"Print the result, or that of --dry-run, as JSON."`

	MaxEpochs  trainer.Epochs   `default:"auto" help:"Epochs, or auto: 3 to 60, see above."`
	NImages    int              `default:"0" help:"Number of groups to train on, drawn at random; 0: all."`
	Gridsize   int              `default:"2" help:"Side of a sample: it has gridsize squared neighbouring patterns."`
	Neighbours int              `default:"0" help:"Nearest neighbours to draw a sample from; 0: gridsize squared."`
	Oversample int              `default:"1" help:"Different samples drawn for each position."`
	BatchSize  int              `default:"8" help:"Patterns per step; with --grouping channels, samples per step."`
	Shards     int              `default:"0" help:"Equal parts of a step; one thread computes each; 0: one per thread."`
	Grouping   trainer.Grouping `default:"shared" help:"Patterns seen at once: shared (one) or channels (a sample)."`

	LearningRate float64          `default:"0.002" help:"Peak learning rate of Adam."`
	Schedule     trainer.Schedule `default:"cosine" help:"Learning rate: constant, cosine, exponential or plateau."`
	WarmUp       float64          `default:"0.5" help:"Epochs in which the learning rate rises from 0."`
	Clip         float64          `default:"0" help:"Largest norm of the gradient; 0: no limit."`
	EarlyStop    int              `default:"0" help:"Epochs without improvement before training stops; 0: never."`
	ValFraction  float64          `default:"0.05" help:"Share of each scan's patterns kept for the validation loss."`

	Nphotons float64 `default:"0" help:"Mean photons per pattern, for data in arbitrary units; 0: data in photons."`
	Seed     uint64  `default:"0" help:"Random seed."`

	Mode trainer.Mode `default:"physics" help:"Target: physics (the patterns) or supervised (the truth)."`
	Loss trainer.Term `settings:"-" placeholder:"TERM" help:"Loss: poisson or mae. Default: poisson."`

	PoissonWeight *float64 `settings:"-" placeholder:"W" help:"Weight of the Poisson term. Default: by --loss."`
	MAEWeight     *float64 `settings:"-" name:"mae-weight" placeholder:"W" help:"Weight of MAE. Default: by --loss."`
	Smoothness    float64  `settings:"-" default:"0" help:"Weight of the object's total variation."`

	Network       models.Kind       `default:"unrolled" help:"unrolled (takes the probe) or pattern (PtychoPINN's)."`
	NFiltersScale int               `default:"2" help:"Factor on the number of filters of every layer."`
	ObjectExtent  models.Extent     `default:"full" help:"Part of the patch that the network predicts: centre or full."`
	Probe         trainer.ProbeMode `default:"trainable" help:"Probe: trainable (calibrated, then refined) or fixed."`
	ProbePasses   int               `default:"16" help:"Calibrating passes before training; 0: the probe as given."`
	ProbeRate     float64           `default:"1" help:"Learning rate of the probe, relative to the network's."`
	ProbeWarmUp   int               `default:"1" help:"Epochs before the probe is refined."`

	ProbeFile   []string `sep:"none" placeholder:"FILE[:PATH]" help:"Probe of all scans, or repeated, one for each."`
	MemoryLimit int      `default:"256" placeholder:"MB" help:"Patterns kept in memory, in MB; 0: all."`

	NATS      string `name:"nats" placeholder:"URL" settings:"-" help:"Broker whose workers compute the shards."`
	natsFlags `embed:"" group:"Access"`

	inputFlags    `embed:"" group:"Reading the scan"`
	viewFlags     `embed:"" group:"Reading the scan"`
	engineFlags   `embed:"" group:"Compute"`
	DisableMLflow bool `settings:"-" name:"disable-mlflow" help:"Ignored; PtychoPINN's scripts pass it."`
}

// Help explains what does not fit into a line.
func (trainCmd) Help() string {
	return `Scans are NPZ, CXI or HDF5 files. To train one network on several scans, repeat --train-data-file or give it
a quoted pattern such as 'scans/*.npz'. Each scan has its own probe. The n-th --test-data-file uses the probe of the
n-th --train-data-file. Without --test-data-file, the validation loss comes from the share --val-fraction of each scan's
patterns: those around one position, drawn by the seed. No sample to train on holds any of them.

The run directory holds model.onnx, best.onnx, metrics.csv, loss.png, config.yaml, probe.npz and state.npz.
--resume continues such a run bit for bit, as if it had never stopped. It reads the run's config.yaml and takes no other
flags but --max-epochs, --export and --nats.

With --nats, the workers of a broker compute the shards of each step (see ptyx broker and ptyx worker). A worker uses
one core: start one for each. Every worker must be able to read the scans, under the same path. The model has the same
bytes as without workers and with as many --shards, however many workers take part. With --nats, --shards 0 means four,
or fewer if a step has fewer samples.

Training starts from the general network inside ptyx, which was trained on simulated experiments, if the network has its
sizes. --init none draws the weights from the seed. Otherwise, if patterns have little light in common, the network
stays near its start where the probe is dim. --max-epochs auto makes about 500 steps for each scan, or 1000 steps from
random weights, in 3 to 60 epochs.

With --grouping shared, one network sees each pattern, and overlapping patches must agree. With --grouping channels, as
in PtychoPINN, the network sees all patterns of a sample at once. An --oversample above 1 needs a --gridsize above 1.

--network unrolled is a few iterations of a solver with small convolutional networks between them. It takes the probe as
an input, so one model serves scans of different probes. It needs patterns whose size is a multiple of 8 from 32 to 512
pixels, --grouping shared and --object-extent full. --network pattern is that of PtychoPINN, which sees the bare pattern
of 64, 128 or 256 pixels.

--loss poisson uses the Poisson likelihood, --loss mae the mean absolute error of the amplitudes. --poisson-weight and
--mae-weight combine them. With --mode supervised, which needs Y or objectGuess in the scan, the only term is the mean
absolute error of the object's amplitude and phase factor. --smoothness covers only pixels that the probe illuminates.

Patterns beyond --memory-limit are read from disk as needed, with the same result. --live :8080 listens on this machine
alone, and changes nothing else. Its page has neither TLS nor a token. So an address that other machines can reach, such
as 0.0.0.0:8080, needs --insecure.`
}

// Run trains.
func (c *trainCmd) Run(app *appContext) error {
	limitGarbage()
	options, err := c.options(app)
	if err != nil {
		return err
	}
	if c.DryRun {
		return c.rehearse(app, options)
	}
	if c.Live != "" {
		options.Live = live.Address(c.Live, c.Insecure)
	}
	if c.NATS != "" {
		if options.Cluster, err = c.address(c.NATS); err != nil {
			return err
		}
	}
	options.Quiet = app.Quiet
	result, err := workflow.Train(app.Context, options, app.Stderr, app.Log)
	return app.concludeSaved(result, result != nil, err, c.JSON)
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

// options are those of a run to resume, or the flags', laid over those of a run to repeat.
func (c *trainCmd) options(app *appContext) (o workflow.TrainOptions, err error) {
	switch {
	case c.Resume != "":
		o, err = workflow.LoadTrainOptions(c.Resume)
		o.Resume = true
		if app.given("max-epochs") {
			o.Config.MaxEpochs = c.MaxEpochs
		}
		if c.Export != "" {
			o.Export = c.Export
		}
		return o, err
	case c.Config != "":
		if o, err = workflow.ReadTrainOptions(c.Config); err != nil {
			return o, err
		}
	case len(c.TrainDataFile) == 0:
		expected := "a scan to train on, or --resume with a run directory"
		return o, &badinput.Error{Key: "--train-data-file", Found: "nothing", Expected: expected}
	default:
		o.Config.Floor = trainer.DefaultFloor
	}
	return o, c.apply(&o, app)
}

// apply lays the flags over o: with --config those that were given, else all with their defaults.
func (c *trainCmd) apply(o *workflow.TrainOptions, app *appContext) error {
	write := settings.Of
	if c.Config != "" {
		write = settings.Given
	}
	text, err := write(app.Parsed)
	if err != nil {
		return err
	}
	layered := struct {
		*workflow.TrainOptions `yaml:",inline"`
		Profile                string `yaml:"profile"` // no part of config.yaml
	}{TrainOptions: o}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&layered); err != nil && len(text) > 0 {
		return err
	}
	o.Engine.Profile = layered.Profile
	o.OutputDir = cmp.Or(o.OutputDir, "run") // an unset variable of a script gives an empty name
	c.weigh(&o.Config.Loss, app)
	return nil
}

// weigh sets the weights that the flags decide.
func (c *trainCmd) weigh(l *trainer.Loss, app *appContext) {
	decides := func(flags ...string) bool { return c.Config == "" || app.given(flags...) }
	if decides("loss", "mode") {
		term := c.Loss
		if term == "" {
			term = trainer.Poisson
			if c.Mode == trainer.Supervised {
				term = trainer.MAE
			}
		}
		smoothness := l.Smoothness
		*l = term.Loss()
		l.Smoothness = smoothness
	}
	if decides("smoothness") {
		l.Smoothness = c.Smoothness
	}
	if c.PoissonWeight != nil {
		l.Poisson = *c.PoissonWeight
	}
	if c.MAEWeight != nil {
		l.MAE = *c.MAEWeight
	}
}
