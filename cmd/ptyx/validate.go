package main

import (
	"fmt"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/destination"
	"ptyx/internal/quality/validate"
	"ptyx/internal/scan/dataset"
)

type validateCmd struct {
	Scan string `arg:"" help:"Scan to check: NPZ, CXI or HDF5."`
	Seed uint64 `default:"0" help:"Random seed of the choice of patterns."`

	SaveLayout string `placeholder:"YAML" help:"File to write the flags that read this scan to, for --layout-file."`
	Apply      bool   `help:"Write the orientation that fits the patterns to that file, or to --layout-file."`
	JSON       bool   `name:"json" help:"Print the facts and findings as JSON."`

	scanFlags `embed:"" group:"Reading the scan"`
}

// Help explains the exit status.
func (validateCmd) Help() string {
	return `Each finding comes with its fix. --apply writes that of a wrong orientation, --swap-xy, --flip-x and
--flip-y, to a layout file.

Exit status 0: no error found that is not applied; there may be warnings. 1: errors found, or the scan could not be
read.`
}

// Run checks a scan, and fails if training with it would fail or be useless.
func (c *validateCmd) Run(app *appContext) error {
	layoutFile := c.SaveLayout
	if c.Apply && layoutFile == "" {
		layoutFile = string(c.LayoutFile)
	}
	if c.Apply && layoutFile == "" {
		return &badinput.Error{
			Key: "--apply", Found: "no layout file", Expected: "--save-layout for a new one, or --layout-file",
		}
	}
	if layoutFile != "" {
		if err := destination.File("--save-layout", layoutFile); err != nil {
			return err
		}
	}
	report, err := validate.File(app.Context, c.Scan, validate.Options{
		Input: c.Input, Layout: c.Layout, View: c.view(), ProbeFile: c.ProbeFile, Seed: c.Seed,
	})
	if err != nil {
		return err
	}
	if layoutFile != "" {
		if err := c.layout(report).Save(layoutFile); err != nil {
			return err
		}
	}
	write := report.WriteText
	if c.JSON {
		write = report.WriteJSON
	}
	if err := write(app.Stdout); err != nil {
		return err
	}
	switch n := report.Errors(); n {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s: one error found", c.Scan)
	default:
		return fmt.Errorf("%s: %d errors found", c.Scan, n)
	}
}

// layout is how to read the scan from now on: as it was read, with the crop that was found and, with --apply, the
// orientation.
func (c *validateCmd) layout(report *validate.Report) dataset.Layout {
	layout := dataset.LayoutOf(c.read())
	layout.View = report.Cropped(layout.View)
	if c.Apply {
		layout.View = report.Apply(layout.View)
	}
	return layout
}
