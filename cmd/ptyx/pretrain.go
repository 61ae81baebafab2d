package main

import (
	"ptyx/internal/app/workflow"
	"ptyx/trainer"
)

type pretrainCmd struct {
	OutputDir string `default:"pretrained" placeholder:"DIR" help:"Run directory to write."`
	Patterns  int    `default:"1000000" help:"Simulated patterns of the complete training."`
	Init      string `placeholder:"ONNX" help:"Model to start from: a file, a run directory, or general."`
	Resume    string `placeholder:"DIR" help:"Run directory whose pretraining to resume."`

	With      []string `sep:"none" placeholder:"FILE" help:"Solved scan to take samples from. May be repeated."`
	WithShare float64  `default:"0.25" help:"Share of the samples that come from --with."`

	N    int    `default:"64" help:"Side of the patterns of the model that is written."`
	Seed uint64 `default:"0" help:"Random seed of parameters and samples."`

	Clarity      float64 `default:"0.5" help:"Preference for patterns that show their object, see above; 0: none."`
	BatchSize    int     `default:"24" help:"Patterns per step."`
	Group        int     `default:"6" help:"Neighbouring patterns of one object; a divisor of --batch-size/--shards."`
	Shards       int     `default:"4" help:"Equal parts of a step; one thread computes each."`
	LearningRate float64 `default:"0.0015" help:"Peak learning rate of Adam; it falls along a cosine."`
	WarmUp       int     `default:"8192" help:"Patterns in which the learning rate rises from 0."`
	Round        int     `default:"24576" help:"Patterns between two reports. Each saves the state."`

	MergedWeight  float64 `default:"1" help:"Weight of the error of a group's merged object."`
	MiddleWeight  float64 `default:"0.5" help:"Weight of the error after the inner stages."`
	PoissonWeight float64 `default:"0.1" help:"Weight of the misfit of the patterns."`
	NFiltersScale int     `default:"2" help:"Factor on the number of filters of every layer."`

	JSON bool `name:"json" help:"Print the result as JSON."`

	NATS      string `name:"nats" placeholder:"URL" help:"Broker whose workers compute the shards."`
	natsFlags `embed:"" group:"Access"`

	engineFlags `embed:"" group:"Compute"`
}

// Help explains what does not fit into a line.
func (pretrainCmd) Help() string {
	return `Each sample is a group of new simulated patterns, neighbours on a known object: docs/experiments.md lists
their kinds. Samples are made while steps run, and are never stored. Most patterns have 32 or 64 pixels a side, some 96
or 128: one set of weights serves all sizes. --init general starts from the network inside ptyx.

The loss compares the patches of a group with the true object, and the object that they are merged to. Both are turned
by one phase for the group.

A group is accepted with the probability q to the power of --clarity, where q is the part of a constant object's
misfit that the true object explains. Noise or a wrong probe make it small.

After each round, ptyx saves the state and the model, and reports errors on patterns that training never shows: of all
kinds, of kinds that training leaves out, and of each kind and each decade of photons. An error of 1 is that of a
constant object. It also reconstructs four small scans of different overlap without training on them. rounds.jsonl has
a line of JSON for each round.

--with adds patterns of your own scans whose objects are known, such as 'solved/*.npz'. Each file holds a scan with its
object and its probe. ptyx convert writes such a file from a scan and its reconstruction.

With --nats, the workers of a broker compute the shards (see ptyx broker and ptyx worker). A worker uses one core: start
one for each. No samples travel: each step, the parameters go out and the gradients come back. The model has the same
bytes as without workers, however many take part. Every worker must be able to read the files of --with.

Ctrl-C saves the state. --resume continues bit for bit, as if the pretraining had never stopped. It reads the run's
config.yaml and takes no other flags but --patterns and --nats. With other --patterns, the cosine of the learning rate
ends there.`
}

// Run pretrains.
func (c *pretrainCmd) Run(app *appContext) error {
	limitGarbage()
	options, err := c.pretraining(app)
	if err == nil && c.NATS != "" {
		options.Cluster, err = c.address(c.NATS)
	}
	if err != nil {
		return err
	}
	result, err := workflow.Pretrain(app.Context, options, app.Stderr, app.Log)
	return app.concludeSaved(result, result != nil, err, c.JSON)
}

// pretraining are the options of a run to resume, or the flags'.
func (c *pretrainCmd) pretraining(app *appContext) (workflow.PretrainOptions, error) {
	if c.Resume != "" {
		o, err := workflow.LoadPretrainOptions(c.Resume)
		if app.given("patterns") {
			o.Config.Patterns = c.Patterns
		}
		o.Quiet = app.Quiet
		return o, err
	}
	config := trainer.DefaultPretrainConfig()
	config.Seed, config.Patterns, config.N, config.FiltersScale = c.Seed, c.Patterns, c.N, c.NFiltersScale
	config.BatchSize, config.Group, config.Shards = c.BatchSize, c.Group, c.Shards
	config.LearningRate, config.WarmUp = c.LearningRate, c.WarmUp
	config.Round, config.SolvedShare, config.Clarity = c.Round, c.WithShare, c.Clarity
	config.Loss = trainer.PretrainLoss{Merged: c.MergedWeight, Middle: c.MiddleWeight, Poisson: c.PoissonWeight}
	return workflow.PretrainOptions{
		OutputDir: c.OutputDir, Init: c.Init, With: c.With, Engine: c.options(app.Log), Config: config,
		Quiet: app.Quiet,
	}, nil
}
