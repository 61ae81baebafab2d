package main

import (
	"ptyx/internal/app/workflow"
	"ptyx/internal/recon/variant"
)

type exportCmd struct {
	Model      string `arg:"" help:"Model file or run directory."`
	Out        string `arg:"" help:"File to write."`
	Simplify   bool   `help:"Compute what depends on constants alone, and make one of what is there twice."`
	FixedBatch int    `aliases:"fixed_batch" default:"0" placeholder:"B" help:"Take batches of this size only, for consumers without symbolic shapes; 0: any."`
	Opset      int64  `default:"0" placeholder:"N" help:"Opset of the standard operators, 13 to 23; 0: as it is (17)."`
	Fp16       bool   `name:"fp16" help:"Convolutions in half precision: half the file. Inputs, outputs and the physics stay in float32."`
	TestData   string `aliases:"test_data" placeholder:"FILE" help:"Scan whose first patterns the file is tried on; without it patterns are made of the model's probe and random objects."`
	JSON       bool   `name:"json" help:"Print what was done as JSON."`
	inputFlags `embed:"" group:"How the scan is read"`

	viewFlags   `embed:"" group:"How the scan is read"`
	engineFlags `embed:"" group:"What computes"`
}

// Run writes a variant of a model.
func (c *exportCmd) Run(app *appContext) error {
	done, err := workflow.Export(app.Context, workflow.ExportOptions{
		Model: c.Model, Output: c.Out,
		Variant: variant.Options{Simplify: c.Simplify, Batch: c.FixedBatch, Opset: c.Opset, Half: c.Fp16},
		Scan:    c.TestData, Input: c.Input, Layout: c.Layout, View: c.view(), Engine: c.options(),
	}, app.Log)
	if err != nil {
		return err
	}
	return app.conclude(done, c.JSON)
}
