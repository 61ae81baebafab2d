package main

import (
	"cmp"
	"io"

	"ptyx/internal/app/settings"
	"ptyx/internal/app/workflow"
	"ptyx/internal/recon/solve"
)

type solveCmd struct {
	Data       string `required:"" placeholder:"FILE" help:"Scan to solve: NPZ, CXI or HDF5."`
	Iterations int    `default:"60" help:"Most passes over the data."`
	Start      string `placeholder:"FILE" help:"First object: none, network or that of a file. Default: auto."`
	Resolution bool   `help:"Also solve two halves of the scan and state the resolution. Takes twice the time."`

	tileFlags `embed:"" group:"Remote workers"`
	solverFlags
}

// tileFlags have the workers of a broker solve the scan.
type tileFlags struct {
	NATS      string `name:"nats" placeholder:"URL" settings:"-" help:"Broker whose workers solve the scan in tiles."`
	Tiles     int    `settings:"-" default:"0" help:"Tiles of the scan; 0: one for 500 patterns."`
	natsFlags `embed:""`
}

// solverFlags are those of solve and refine.
type solverFlags struct {
	OutputDir string `default:"out" placeholder:"DIR" help:"Directory for the object, the probe and their pictures."`

	Resume bool `settings:"-" help:"Continue the run whose state is in --output-dir."`

	Method     solve.Method     `default:"lsqml" help:"Method: lsqml (in batches) or epie (pattern by pattern)."`
	Likelihood solve.Likelihood `default:"amplitude" help:"Noise model of the patterns: amplitude or poisson."`
	BatchSize  int              `default:"0" help:"Patterns per LSQML update; 0: 1/8 of the scan, later all."`
	Modes      int              `default:"1" help:"Incoherent modes of the probe."`
	Positions  bool             `help:"Refine the positions; solve first finds those that are far off."`
	Flicker    bool             `help:"Find the intensity of the probe for each pattern (lsqml)."`
	OPR        int              `name:"opr" default:"0" help:"Modes of a probe that varies in the scan (lsqml)."`
	Smooth     float64          `default:"0" help:"Smoothing of the object, such as 10; 0: none (lsqml)."`
	Background bool             `help:"Find an intensity that adds to all patterns (lsqml)."`
	Freeze     solve.Freeze     `placeholder:"PART[:PASSES]" help:"Part that stays: object, probe or positions."`
	Seed       uint64           `default:"0" help:"Random seed of the order of the patterns."`
	Config     settings.File    `placeholder:"YAML" help:"File of settings for the flags that are not given."`
	JSON       bool             `name:"json" help:"Print the result as JSON."`

	SaveEvery   int `default:"10" placeholder:"PASSES" help:"Passes after which the state is saved; 0: at the end."`
	MemoryLimit int `default:"2000" placeholder:"MB" help:"Patterns kept in memory, in MB; 0: all."`

	ProbeSupport float64 `default:"0" placeholder:"SHARE" help:"Diameter of the probe, as a share of the side; 0: any."`

	scanFlags   `embed:"" group:"Reading the scan"`
	engineFlags `embed:"" group:"Compute"`
}

// Help explains what does not fit into a line.
func (solverFlags) Help() string {
	return `lsqml is the least-squares method of Odstrcil, Menzel and Guizar-Sicairos (2018), epie the method of Maiden
and Rodenburg (2009).

Each run writes its settings to reconstruction.yaml beside the object; --config reads such a file.

In memory, whole counts up to 65535 take 2 bytes a pixel. Patterns beyond --memory-limit are read from disk as needed,
with the same result.

Ctrl-C saves the best state so far. Each run saves its state to solver_state.npz at its end, and every --save-every
passes, so that a killed run loses only the passes since. With --resume, the same command continues from there, and
ends with the bytes of a run that was not interrupted. To continue a run that is finished, raise --iterations, too.
--resume refuses the state of another scan, command or method, or of other options.`
}

// Help adds what is about workers.
func (c solveCmd) Help() string {
	return c.solverFlags.Help() + `

By --start network, the general network inside ptyx makes the first object; --start none is an object that changes
nothing. --start auto takes the network if neighbours overlap by less than half of the probe's width.

If a probe made from the patterns explains them much better than the given one, solve starts with it and warns.
--freeze probe:1 keeps the given one.

With --nats, the workers of a broker solve the scan in tiles (see ptyx broker and ptyx worker). The files depend on the
number of tiles, but not on the workers. Such a run takes neither --positions, --opr, --flicker nor --background, keeps
no object with --freeze, and does not resume.`
}

// Run solves.
func (c *solveCmd) Run(app *appContext) error {
	o := workflow.SolveOptions{
		Scan: c.Data, Start: cmp.Or(c.Start, workflow.AutoStart), Resolution: c.Resolution,
		Tiles: workflow.TileOptions{Count: c.Tiles},
	}
	if c.NATS != "" {
		var err error
		if o.Tiles.Cluster, err = c.address(c.NATS); err != nil {
			return err
		}
	}
	return c.solve(app, o, c.Iterations)
}

// solve adds the shared flags to o, and runs it.
func (f *solverFlags) solve(app *appContext, o workflow.SolveOptions, iterations int) error {
	limitGarbage()
	text, err := settings.Of(app.Parsed)
	if err != nil {
		return err
	}
	o.Read, o.Engine, o.OutputDir = f.read(), f.options(app.Log), f.OutputDir
	o.Settings, o.Progress, o.Resume, o.Memory = text, app.progress(), f.Resume, f.MemoryLimit
	o.Solver = solve.Options{
		Method: f.Method, Likelihood: f.Likelihood, Passes: iterations, BatchSize: f.BatchSize, Modes: f.Modes,
		Positions: f.Positions, Flicker: f.Flicker, OPR: f.OPR, Smooth: f.Smooth,
		Background: f.Background, Freeze: f.Freeze,
		ProbeSupport: f.ProbeSupport, Seed: f.Seed, SaveEvery: f.SaveEvery,
	}
	result, err := workflow.Solve(app.Context, o, app.Log)
	return app.concludeSaved(result, result != nil, err, f.JSON)
}

// progress is where passes are reported: nowhere with --quiet.
func (app *appContext) progress() io.Writer {
	if app.Quiet {
		return nil
	}
	return app.Stderr
}
