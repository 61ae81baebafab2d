package main

import (
	"io"
	"runtime/debug"

	"ptyx/internal/app/settings"
	"ptyx/internal/app/workflow"
	"ptyx/internal/recon/solve"
)

type solveCmd struct {
	Data       string `required:"" placeholder:"FILE" help:"Scan to solve: NPZ, CXI or HDF5."`
	Iterations int    `default:"60" help:"Passes over the data, at most."`

	solverFlags
}

// solverFlags are those of solve and refine.
type solverFlags struct {
	OutputDir  string           `aliases:"output_dir" default:"out" complete:"directory" help:"Where the object, the probe and their pictures go."`
	Method     solve.Method     `default:"lsqml" help:"lsqml (least squares over batches: Odstrcil, Menzel and Guizar-Sicairos 2018) or epie (pattern by pattern: Maiden and Rodenburg 2009)."`
	Likelihood solve.Likelihood `default:"amplitude" help:"What patterns are compared by: amplitude or poisson."`
	BatchSize  int              `aliases:"batch_size" default:"0" help:"Patterns that agree on a step of lsqml; 0: an eighth of the scan at first, all of it in the end."`
	Modes      int              `default:"1" help:"Incoherent modes of the probe."`
	Positions  bool             `help:"Find the positions, too: from those given, up to 4 pixels off."`
	ProbeFile  string           `aliases:"probe_file" placeholder:"NPZ" help:"Take probeGuess from this file."`
	Seed       uint64           `default:"0" help:"Of the order of the patterns."`
	Config     settings.File    `placeholder:"YAML" help:"Take what is not given here from this file of settings, such as the reconstruction.yaml that each run writes beside its object."`
	JSON       bool             `name:"json" help:"Print what was done as JSON."`
	inputFlags `embed:"" group:"How the scan is read"`

	viewFlags   `embed:"" group:"How the scan is read"`
	engineFlags `embed:"" group:"What computes"`
}

func (f solverFlags) job(scan string, iterations int) workflow.SolveOptions {
	return workflow.SolveOptions{
		Scan: scan, ProbeFile: f.ProbeFile, Input: f.Input, Layout: f.Layout, View: f.view(), OutputDir: f.OutputDir, Engine: f.engineFlags.options(),
		Solver: solve.Options{Method: f.Method, Likelihood: f.Likelihood, Passes: iterations, BatchSize: f.BatchSize, Modes: f.Modes, Positions: f.Positions, Seed: f.Seed},
	}
}

// Run solves.
func (c *solveCmd) Run(app *appContext) error {
	return app.solve(c.job(c.Data, c.Iterations), c.JSON)
}

func (app *appContext) solve(o workflow.SolveOptions, asJSON bool) error {
	debug.SetGCPercent(garbage)
	o.Progress = app.progress()
	var err error
	if o.Settings, err = settings.Of(app.Command); err != nil {
		return err
	}
	done, err := workflow.Solve(app.Context, o, app.Log)
	if err != nil {
		return err
	}
	return app.conclude(done, asJSON)
}

// progress is where passes are told of: nowhere with --quiet.
func (app *appContext) progress() io.Writer {
	if app.Quiet {
		return nil
	}
	return app.Stderr
}
