package main

import "ptyx/internal/app/workflow"

type reportCmd struct {
	Result    string `arg:"" name:"result" placeholder:"PATH" help:"Run directory, or reconstruction or its directory."`
	Output    string `placeholder:"HTML" help:"Page to write. Default: report.html, or the file's name with .html."`
	TestData  string `placeholder:"FILE" help:"Scan to show of a training. Default: the first of the training."`
	Reference string `placeholder:"FILE[:PATH]" help:"Reference to compare the object with, as in ptyx eval."`
	NImages   int    `default:"0" help:"Groups of patterns drawn from the scan by the seed; 0: all."`
	Seed      uint64 `default:"0" help:"Random seed of --n-images."`
	JSON      bool   `name:"json" help:"Print the result as JSON."`

	engineFlags `embed:"" group:"Compute"`
}

// Help explains what does not fit into a line.
func (reportCmd) Help() string {
	return `The page of a training (ptyx train) shows the training curves, the object and probe, patterns beside
predictions, and the settings. The network reconstructs the object anew.

The page of a reconstruction (ptyx infer, solve, refine, watch, or object.npz of ptyx serve) shows the object, coverage
and spread, the modes of the probe, the residual of each pass, the positions and their moves, the device and the
settings. It computes nothing anew, so --test-data, --n-images and the engine are for a training only. If the file lacks
a part, the page does, too.`
}

// Run writes the page.
func (c *reportCmd) Run(app *appContext) error {
	result, err := workflow.Report(app.Context, workflow.ReportOptions{
		Result: c.Result, Output: c.Output, Scan: c.TestData, Reference: c.Reference, Count: c.NImages, Seed: c.Seed,
		Engine: c.options(app.Log),
	}, app.Log)
	return app.conclude(result, err, c.JSON)
}
