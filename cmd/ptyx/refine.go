package main

import "ptyx/internal/app/workflow"

type refineCmd struct {
	Recon      string `required:"" placeholder:"FILE" help:"Reconstruction to start from, or its directory."`
	Data       string `required:"" placeholder:"FILE" help:"Scan of the reconstruction."`
	ModelPath  string `placeholder:"PATH" help:"Model with the probe. Default: the reconstruction's probe."`
	Iterations int    `default:"20" help:"Most passes over the data."`

	solverFlags
}

// Run refines.
func (c *refineCmd) Run(app *appContext) error {
	return c.solve(app, workflow.SolveOptions{Scan: c.Data, Recon: c.Recon, Model: c.ModelPath}, c.Iterations)
}
