package main

import (
	"ptyx/internal/base/destination"
	"ptyx/internal/quality/evaluate"
)

type evalCmd struct {
	Recon       string              `required:"" placeholder:"NPZ" help:"Reconstruction: object, origin, coverage; or the directory that it is in."`
	Reference   string              `required:"" placeholder:"NPZ" help:"Truth or reference: another reconstruction or its directory, or a file with objectGuess in the scan's own pixel frame."`
	Output      string              `placeholder:"DIR" complete:"directory" help:"Also write metrics.json and comparison.png here."`
	JSON        bool                `name:"json" help:"Print JSON, curves included, in place of the table."`
	Convention  evaluate.Convention `default:"ptyx" help:"ptyx, or pinn-compat for the numbers of PtychoPINN's evaluation."`
	PixelSizeNM float64             `name:"pixel-size-nm" aliases:"pixel_size_nm" placeholder:"NM" help:"Object pixel in nanometres, for the resolution in nm."`
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
