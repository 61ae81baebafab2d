package main

import (
	"os"
	"path/filepath"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/contract"
	"ptyx/internal/scan/source"
	"ptyx/internal/scan/survey"
)

type inspectCmd struct {
	Files       []string `arg:"" name:"file" help:"Model (run directory or .onnx), or files of a scan, patterns first."`
	JSON        bool     `name:"json" help:"Print JSON with everything."`
	FollowLinks string   `placeholder:"DIR" help:"Folder that HDF5 files may link into, besides their own."`
	HDF5        string   `name:"hdf5" placeholder:"PATH" help:"HDF5 library. Default: the usual places."`
}

// Help explains what the arguments may be.
func (inspectCmd) Help() string {
	return `Of a model, ptyx prints inputs, outputs, layers and metadata.

Of NPZ, HDF5 and text files, it lists the arrays with their types, shapes, filters, units and links. Then it names those
that look like patterns, positions, mask, probe and optics, and the command that would read them. Files that belong
together, such as a detector's master file and a CSV of positions, are given together.`
}

// Run describes a model or a scan.
func (c *inspectCmd) Run(app *appContext) error {
	if source.IsData(c.Files[0]) {
		s, err := c.survey()
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(app.Stdout, s)
		}
		return s.WriteText(app.Stdout)
	}
	if len(c.Files) > 1 {
		return &badinput.Error{
			File: c.Files[0], Found: "a model, or no file of arrays", Expected: "the file of the patterns first",
			Remedy: "inspect models one by one",
		}
	}
	d, err := contract.Describe(c.Files[0])
	if err != nil {
		return c.neither(err)
	}
	if c.JSON {
		return d.WriteJSON(app.Stdout)
	}
	return d.WriteText(app.Stdout)
}

// neither is the error about a file that is no model. One that is not named like a model is meant as data.
func (c *inspectCmd) neither(asModel error) error {
	path := c.Files[0]
	if info, err := os.Stat(path); err == nil && info.IsDir() || filepath.Ext(path) == ".onnx" {
		return asModel
	}
	if _, err := c.survey(); err != nil {
		return err
	}
	return asModel
}

func (c *inspectCmd) survey() (*survey.Survey, error) {
	return survey.Files(c.Files, source.Options{Library: c.HDF5, FollowLinks: c.FollowLinks})
}
