package main

import (
	"time"

	"ptyx/internal/app/settings"
	"ptyx/internal/app/workflow"
	"ptyx/internal/service/live"
	"ptyx/internal/service/watch"
	"ptyx/internal/service/zeromq"
)

type watchCmd struct {
	Path string `arg:"" name:"source" help:"Directory of the scan's files, one growing file, or tcp://HOST:PORT."`

	ModelPath  string        `default:"general" placeholder:"PATH" help:"Run directory, .onnx file, or general."`
	OutputDir  string        `default:"out" placeholder:"DIR" help:"Directory for the object and its pictures."`
	BatchSize  int           `default:"16" help:"Patterns per batch of the network."`
	Probe      string        `default:"model" placeholder:"FILE" help:"Probe: model, or a file with one."`
	Refine     int           `default:"0" help:"Passes of the solver at the end; it also runs meanwhile. 0: none."`
	RefineOnly bool          `help:"Solver without a network; needs --probe FILE. Passes at the end: 60, or --refine."`
	Config     settings.File `placeholder:"YAML" help:"File of settings for the flags that are not given."`
	JSON       bool          `name:"json" help:"Print the result as JSON at the end."`
	Live       string        `settings:"-" placeholder:"[HOST]:PORT" help:"Address of a page that shows the object."`
	Insecure   bool          `settings:"-" help:"Show the page to other machines. Anyone on the network can read it."`

	Interval time.Duration `default:"1s" help:"Time between checks. A file is read if unchanged for this time."`
	Every    time.Duration `default:"5s" help:"Least time between two writings of the object."`
	Frames   int           `default:"0" help:"Frames of the scan, after which ptyx stops; 0: unknown."`
	Idle     time.Duration `default:"30s" help:"Time without new frames after which ptyx stops; 0: never."`
	GiveUp   time.Duration `default:"60s" help:"Time after which an unreadable file counts as broken."`
	Grace    time.Duration `default:"30s" help:"Time to finish after SIGTERM or Ctrl-C."`

	PositionsFile string `placeholder:"FILE" aliases:"positions" help:"Positions: CSV, NPZ, HDF5; or tcp://HOST:PORT."`
	FramesPerFile int    `default:"0" group:"Frames without ids" help:"Frames in each file but the last; 0: one."`
	FirstFile     int    `default:"0" group:"Frames without ids" help:"Number in the name of the file with frame 0."`

	streamFlags   `embed:"" group:"Stream of a detector"`
	inputFlags    `embed:"" group:"Reading the scan"`
	placeFlags    `embed:"" group:"Reading the scan"`
	detectorFlags `embed:"" group:"Reading the scan"`
	axisFlags     `embed:"" group:"Reading the scan"`
	engineFlags   `embed:"" group:"Compute"`
}

// streamFlags say how to follow a detector.
type streamFlags struct {
	Series      watch.SeriesChoice `default:"next" help:"Series: next, current (also from its middle) or a number."`
	WhenBehind  watch.Policy       `default:"wait" help:"If the network is behind: wait, or skip frames until later."`
	Connections int                `default:"1" help:"Connections to the detector."`
	KeepGB      float64            `name:"keep-gb" default:"8" help:"Gigabytes on disk for frames, and for patches."`
}

// stream is the detector at an address; the zero value if that is a path.
func (f streamFlags) stream(address string) watch.Stream {
	if !zeromq.IsAddress(address) {
		return watch.Stream{}
	}
	return watch.Stream{
		Address: address, Connections: f.Connections, Series: f.Series, WhenBehind: f.WhenBehind,
		Room: int64(f.KeepGB * 1e9),
	}
}

// Help explains what does not fit into a line.
func (watchCmd) Help() string {
	return `Files are NPZ, CXI or HDF5. A frame waits until its position has arrived. Positions have ids, or are in the
order of the frames. If frames have no ids, file number k begins with frame k times --frames-per-file.

tcp://HOST:PORT is the stream of a DECTRIS detector, version 1 or 2. As --positions-file, it is a ZeroMQ sender of JSON
messages {"ids": [0, 1], "x": [1.5, 2], "y": [0, 0], "unit": "um"}.

--model-path general is the network inside ptyx for patterns of 64 pixels, general:N that for N. It needs --probe FILE
with the probe of the scan.

--live :8080 listens on this machine alone, 0.0.0.0:8080 on all of its addresses.

Each run writes its settings to reconstruction.yaml beside the object; --config reads such a file.`
}

// Run follows the scan until it is complete, or until Ctrl-C or SIGTERM.
func (c *watchCmd) Run(app *appContext) error {
	limitGarbage()
	text, err := settings.Of(app.Parsed)
	if err != nil {
		return err
	}
	view := viewFlags{placeFlags: c.placeFlags, detectorFlags: c.detectorFlags, axisFlags: c.axisFlags}
	scan := scanFlags{inputFlags: c.inputFlags, viewFlags: view}
	options := workflow.WatchOptions{
		Model: c.ModelPath, OutputDir: c.OutputDir, Read: scan.read(), Engine: c.options(app.Log), Settings: text,
		Probe: workflow.ProbeChoice{From: c.Probe}, Refine: c.Refine, RefineOnly: c.RefineOnly,
		KeepBytes: int64(c.KeepGB * 1e9),
		Watch: watch.Options{
			Path: c.Path, Stream: c.stream(c.Path), Positions: c.PositionsFile,
			FramesPerFile: c.FramesPerFile, FirstFile: c.FirstFile,
			BatchSize: c.BatchSize, Frames: c.Frames, Interval: c.Interval, Idle: c.Idle, GiveUp: c.GiveUp,
			Every: c.Every, Grace: c.Grace,
		},
	}
	if c.Live != "" {
		options.Live = live.Address(c.Live, c.Insecure)
	}
	result, err := workflow.Watch(app.Context, options, app.Log)
	return app.conclude(result, err, c.JSON)
}
