package main

import (
	"runtime/debug"
	"time"

	"ptyx/internal/app/settings"
	"ptyx/internal/app/workflow"
	"ptyx/internal/service/watch"
)

type watchCmd struct {
	Path string `arg:"" name:"dir-or-file" help:"Directory in which the scan's files appear, or one growing file."`

	ModelPath string        `default:"general" placeholder:"PATH" help:"Run directory, .onnx file, or general."`
	OutputDir string        `default:"out" placeholder:"DIR" help:"Directory for the object and its pictures."`
	BatchSize int           `default:"16" help:"Patterns per batch of the network."`
	Probe     string        `default:"model" placeholder:"FILE" help:"Probe: model, or a file with one."`
	Config    settings.File `placeholder:"YAML" help:"File of settings for the flags that are not given."`
	JSON      bool          `name:"json" help:"Print the result as JSON at the end."`

	Interval time.Duration `default:"1s" help:"Time between two looks. Files are read when unchanged for this time."`
	Every    time.Duration `default:"5s" help:"Least time between two writings of the object."`
	Frames   int           `default:"0" help:"Frames of the scan, after which ptyx stops; 0: unknown."`
	Idle     time.Duration `default:"30s" help:"Time without new frames after which ptyx stops; 0: never."`
	GiveUp   time.Duration `default:"60s" help:"Time after which an unreadable file counts as broken."`
	Grace    time.Duration `default:"30s" help:"Time to finish after SIGTERM or Ctrl-C."`

	PositionsFile string `placeholder:"FILE" aliases:"positions" help:"Positions, may grow: CSV lines id,x,y, or NPZ."`
	FramesPerFile int    `default:"0" group:"Frames without ids" help:"Frames in each file but the last; 0: one."`
	FirstFile     int    `default:"0" group:"Frames without ids" help:"Number in the name of the file with frame 0."`

	inputFlags    `embed:"" group:"Reading the scan"`
	placeFlags    `embed:"" group:"Reading the scan"`
	detectorFlags `embed:"" group:"Reading the scan"`
	axisFlags     `embed:"" group:"Reading the scan"`
	engineFlags   `embed:"" group:"Compute"`
}

// Help explains what does not fit into a line.
func (watchCmd) Help() string {
	return `Files are NPZ, CXI or HDF5. An NPZ file of --positions-file has ids, xcoords and ycoords. A frame waits
until its position has arrived. If frames have no ids, file number k begins with frame k times --frames-per-file.

--model-path general is the network inside ptyx for patterns of 64 pixels, general:N that for N. It needs --probe FILE
with the probe of the scan.

Each run writes its settings to reconstruction.yaml beside the object; --config reads such a file.`
}

// Run follows the scan until it is complete, or until Ctrl-C or SIGTERM.
func (c *watchCmd) Run(app *appContext) error {
	debug.SetGCPercent(gcPercent)
	text, err := settings.Of(app.Parsed)
	if err != nil {
		return err
	}
	view := viewFlags{placeFlags: c.placeFlags, detectorFlags: c.detectorFlags, axisFlags: c.axisFlags}
	scan := scanFlags{inputFlags: c.inputFlags, viewFlags: view}
	result, err := workflow.Watch(app.Context, workflow.WatchOptions{
		Model: c.ModelPath, OutputDir: c.OutputDir, Read: scan.read(), Engine: c.options(app.Log), Settings: text,
		Probe: workflow.ProbeChoice{From: c.Probe},
		Watch: watch.Options{
			Path: c.Path, Positions: c.PositionsFile, FramesPerFile: c.FramesPerFile, FirstFile: c.FirstFile,
			BatchSize: c.BatchSize, Frames: c.Frames, Interval: c.Interval, Idle: c.Idle, GiveUp: c.GiveUp,
			Every: c.Every, Grace: c.Grace,
		},
	}, app.Log)
	return app.conclude(result, err, c.JSON)
}
