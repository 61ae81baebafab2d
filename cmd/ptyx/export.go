package main

import (
	"ptyx/export/variant"
	"ptyx/internal/app/workflow"
)

type exportCmd struct {
	Model      string `arg:"" help:"Run directory or .onnx file."`
	Out        string `arg:"" help:"File to write."`
	Simplify   bool   `help:"Fold constants and merge equal nodes."`
	FixedBatch int    `default:"0" placeholder:"B" help:"Fixed batch size, for consumers that need one; 0: any."`
	Opset      int64  `default:"0" placeholder:"N" help:"Opset of the standard operators, 13 to 23; 0: unchanged (17)."`
	Fp16       bool   `name:"fp16" help:"Convolve in half precision. Inputs, outputs and the physics stay in float32."`
	Probe      string `default:"model" placeholder:"FILE" help:"Probe: model, scan (that of --test-data) or a file's."`
	TestData   string `placeholder:"FILE" help:"Scan to test the variant on. Default: patterns of random objects."`
	JSON       bool   `name:"json" help:"Print the result as JSON."`

	scanFlags   `embed:"" group:"Reading the scan"`
	engineFlags `embed:"" group:"Compute"`
}

// Help explains what does not fit into a line.
func (exportCmd) Help() string {
	return `ptyx writes the variant only if its patches agree with the model's on a few patterns.

--probe gives a network that takes the probe another one, for ptyx serve or other programs. Its power becomes that of a
mean pattern of --test-data. Without --test-data, it becomes that of the model's probe.`
}

// Run writes a variant of a model.
func (c *exportCmd) Run(app *appContext) error {
	result, err := workflow.Export(app.Context, workflow.ExportOptions{
		Model: c.Model, Output: c.Out,
		Variant: variant.Options{Simplify: c.Simplify, Batch: c.FixedBatch, Opset: c.Opset, Half: c.Fp16},
		Probe:   workflow.ProbeChoice{From: c.Probe},
		Scan:    c.TestData, Read: c.read(), Engine: c.options(app.Log),
	}, app.Log)
	return app.conclude(result, err, c.JSON)
}
