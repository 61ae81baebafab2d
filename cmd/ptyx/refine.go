package main

type refineCmd struct {
	Recon      string `required:"" placeholder:"NPZ" help:"Reconstruction to begin with, or its directory: object and, where no other is asked for, the probe that it carries."`
	Data       string `required:"" placeholder:"FILE" help:"Scan that it was made of."`
	ModelPath  string `aliases:"model_path" placeholder:"PATH" help:"Take the probe of this model: run directory or .onnx file."`
	Iterations int    `default:"20" help:"Passes over the data, at most."`

	solverFlags
}

// Run refines.
func (c *refineCmd) Run(app *appContext) error {
	job := c.job(c.Data, c.Iterations)
	job.Recon, job.Model = c.Recon, c.ModelPath
	return app.solve(job, c.JSON)
}
