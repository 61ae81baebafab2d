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

// Help explains the command.
func (evalCmd) Help() string {
	return `Before it compares, eval removes shift, phase ramp, scale and phase. If pixels
differ in size, both objects are brought to the larger ones: by the scale to
which they were cropped, or by metres if both files state them. If the objects
hardly agree where their files place them, eval tries shifts of any length.`
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
	if doubt := result.Doubt(); doubt != "" {
		app.Log.Warn(doubt, "recon", c.Recon, "reference", c.Reference)
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
