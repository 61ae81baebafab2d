package main

import (
	"runtime/debug"
	"time"

	"ptyx/internal/app/settings"
	"ptyx/internal/app/workflow"
	"ptyx/internal/service/watch"
)

type watchCmd struct {
	Path      string        `arg:"" name:"dir-or-file" help:"Directory in which files with parts of the scan appear (NPZ, CXI or HDF5), or one file that grows."`
	ModelPath string        `required:"" aliases:"model_path" placeholder:"PATH" help:"Run directory or .onnx file."`
	OutputDir string        `aliases:"output_dir" default:"out" complete:"directory" help:"Where the object and its pictures go, again and again."`
	BatchSize int           `aliases:"batch_size" default:"16" help:"Patterns handed to the network at once."`
	Config    settings.File `placeholder:"YAML" help:"Take what is not given here from this file of settings, such as the reconstruction.yaml that each run writes beside its object."`
	JSON      bool          `name:"json" help:"Print in the end what was done as JSON."`

	Interval time.Duration `default:"1s" help:"Between two looks. A file is taken when it has not changed for so long."`
	Every    time.Duration `default:"5s" help:"The least time between two writings of the object."`
	Frames   int           `default:"0" help:"How many frames there will be: it ends when they are there. 0: not known."`
	Idle     time.Duration `default:"30s" help:"It ends after so long without anything new; 0: never."`
	GiveUp   time.Duration `aliases:"give_up" default:"60s" help:"How long a file that cannot be read is tried again before it counts as broken."`
	Grace    time.Duration `default:"30s" help:"How long what is there may take to finish after SIGTERM or Ctrl-C."`

	Positions     string `placeholder:"FILE" help:"Take the positions from this file, which may grow: lines id,x,y (CSV), or NPZ with ids, xcoords, ycoords. Frames wait for theirs."`
	FramesPerFile int    `aliases:"frames_per_file" default:"0" group:"Frames without ids" help:"How many frames each file but the last holds: file number k begins with frame k times that. 0: one."`
	FirstFile     int    `aliases:"first_file" default:"0" group:"Frames without ids" help:"Number in the name of the file that holds frame 0."`

	inputFlags    `embed:"" group:"How the scan is read"`
	detectorFlags `embed:"" group:"How the scan is read"`
	senseFlags    `embed:"" group:"How the scan is read"`
	engineFlags   `embed:"" group:"What computes"`
}

// Run follows until the scan is over, or until Ctrl-C or SIGTERM, and ends well either way.
func (c *watchCmd) Run(app *appContext) error {
	debug.SetGCPercent(garbage)
	told, err := settings.Of(app.Command)
	if err != nil {
		return err
	}
	view := viewFlags{detectorFlags: c.detectorFlags, senseFlags: c.senseFlags}
	done, err := workflow.Watch(app.Context, workflow.WatchOptions{
		Model: c.ModelPath, OutputDir: c.OutputDir, Input: c.Input, Layout: c.Layout, View: view.view(), Engine: c.options(),
		Settings: told,
		Watch: watch.Options{
			Path: c.Path, Positions: c.Positions, FramesPerFile: c.FramesPerFile, FirstFile: c.FirstFile, BatchSize: c.BatchSize,
			Frames: c.Frames, Interval: c.Interval, Idle: c.Idle, GiveUp: c.GiveUp, Every: c.Every, Grace: c.Grace,
		},
	}, app.Log)
	if err != nil {
		return err
	}
	return app.conclude(done, c.JSON)
}
