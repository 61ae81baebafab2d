package main

import (
	"ptyx/internal/app/workflow"
)

type reportCmd struct {
	Directory string `arg:"" name:"run" complete:"directory" help:"Run directory."`
	Output    string `placeholder:"HTML" help:"Page to write; without it report.html in the run directory."`
	TestData  string `aliases:"test_data" placeholder:"NPZ" help:"Scan to show; without it the first that the network was trained on."`
	Reference string `placeholder:"NPZ" help:"Truth or reference to compare the object with, as for ptyx eval."`
	NImages   int    `aliases:"n_images" default:"0" help:"Groups of patterns drawn from the scan by the seed; 0: all."`
	Seed      uint64 `default:"0" help:"Of the draw."`
	JSON      bool   `name:"json" help:"Print what was done as JSON."`

	engineFlags `embed:"" group:"What computes"`
}

// Run writes the page.
func (c *reportCmd) Run(app *appContext) error {
	done, err := workflow.Report(app.Context, workflow.ReportOptions{
		Run: c.Directory, Output: c.Output, Scan: c.TestData, Reference: c.Reference, Count: c.NImages, Seed: c.Seed, Engine: c.options(),
	}, app.Log)
	if err != nil {
		return err
	}
	return app.conclude(done, c.JSON)
}
