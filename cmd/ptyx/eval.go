package main

import (
	"ptyx/internal/base/destination"
	"ptyx/internal/quality/evaluate"
)

type evalCmd struct {
	Recon     string `required:"" placeholder:"FILE[:PATH]" help:"Reconstruction, its directory, or any array."`
	Reference string `required:"" placeholder:"FILE[:PATH]" help:"Another reconstruction, or a scan with an object."`
	Output    string `placeholder:"DIR" help:"Directory for metrics.json and comparison.png."`

	JSON        bool                `name:"json" help:"Print JSON with all curves instead of the table."`
	Convention  evaluate.Convention `default:"ptyx" help:"Convention: ptyx, or pinn-compat for PtychoPINN's numbers."`
	PixelSizeNM float64             `name:"pixel-size-nm" placeholder:"NM" help:"Pixel of the object in nanometres."`
}

// Run compares.
func (c *evalCmd) Run(app *appContext) error {
	if c.Output != "" {
		if err := destination.Dir("--output", c.Output); err != nil {
			return err
		}
	}
	result, err := evaluate.Files(evaluate.Options{
		Recon: c.Recon, Reference: c.Reference, Convention: c.Convention, PixelSizeNM: c.PixelSizeNM,
	})
	if err != nil {
		return err
	}
	if c.Output != "" {
		if err := result.Save(c.Output); err != nil {
			return err
		}
	}
	if c.JSON {
		return result.WriteJSON(app.Stdout)
	}
	return result.WriteTable(app.Stdout)
}
