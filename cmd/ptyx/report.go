package main

import "ptyx/internal/app/workflow"

type reportCmd struct {
	Directory string `arg:"" name:"run" placeholder:"DIR" help:"Run directory."`
	Output    string `placeholder:"HTML" help:"Page to write. Default: report.html in the run directory."`
	TestData  string `placeholder:"FILE" help:"Scan to show. Default: the first that the network was trained on."`
	Reference string `placeholder:"NPZ" help:"Reference to compare the object with, as in ptyx eval."`
	NImages   int    `default:"0" help:"Groups of patterns drawn from the scan by the seed; 0: all."`
	Seed      uint64 `default:"0" help:"Random seed of --n-images."`
	JSON      bool   `name:"json" help:"Print the result as JSON."`

	engineFlags `embed:"" group:"Compute"`
}

// Help explains what does not fit into a line.
func (reportCmd) Help() string {
	return "The page shows the training curves, the object and probe, patterns beside predictions, and the settings."
}

// Run writes the page.
func (c *reportCmd) Run(app *appContext) error {
	result, err := workflow.Report(app.Context, workflow.ReportOptions{
		Run: c.Directory, Output: c.Output, Scan: c.TestData, Reference: c.Reference, Count: c.NImages, Seed: c.Seed,
		Engine: c.options(app.Log),
	}, app.Log)
	return app.conclude(result, err, c.JSON)
}
