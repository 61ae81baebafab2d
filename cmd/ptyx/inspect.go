package main

import "ptyx/internal/graph/contract"

type inspectCmd struct {
	Model string `arg:"" help:"Run directory or .onnx file."`
	JSON  bool   `name:"json" help:"Print JSON with the full metadata."`
}

// Run describes a model.
func (c *inspectCmd) Run(app *appContext) error {
	d, err := contract.Describe(c.Model)
	if err != nil {
		return err
	}
	if c.JSON {
		return d.WriteJSON(app.Stdout)
	}
	return d.WriteText(app.Stdout)
}
