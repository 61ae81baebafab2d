package main

import (
	"fmt"

	"ptyx/internal/quality/validate"
)

type validateCmd struct {
	Scan       string `arg:"" help:"Scan to examine: NPZ, CXI or HDF5."`
	ProbeFile  string `aliases:"probe_file" placeholder:"FILE" help:"Take the probe from this file."`
	Seed       uint64 `default:"0" help:"Of the order in which patterns are tried."`
	JSON       bool   `name:"json" help:"Print JSON."`
	inputFlags `embed:"" group:"How the scan is read"`

	viewFlags `embed:"" group:"How the scan is read"`
}

// Help says what the exit status means here.
func (validateCmd) Help() string {
	return "Exit status 0: no error found, there may be warnings. 1: errors found, or the scan could not be examined."
}

// Run examines a scan, and fails if training with it would fail or be in vain.
func (c *validateCmd) Run(app *appContext) error {
	report, err := validate.File(app.Context, c.Scan, validate.Options{Input: c.Input, Layout: c.Layout, View: c.view(), ProbeFile: c.ProbeFile, Seed: c.Seed})
	if err != nil {
		return err
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
