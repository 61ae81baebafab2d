package main

import "ptyx/internal/scan/convert"

type convertCmd struct {
	In  string         `arg:"" help:"File to read: NPZ, CXI or HDF5."`
	Out string         `arg:"" help:"File to write: .npz, .h5, .cxi, .tif or .png."`
	To  convert.Target `placeholder:"TARGET" help:"Format: pinn, product, patterns, cxi, tiff or png."`

	ObjectFile string `placeholder:"FILE" help:"File with the object, such as a reconstruction.npz of the scan."`
	JSON       bool   `name:"json" help:"Print the result as JSON."`

	scanFlags `embed:"" group:"Reading the scan"`
}

// Help explains what does not fit into a line.
func (convertCmd) Help() string {
	return `ptyx reads scans, reconstructions and ptychodus products. The extension selects the format; .h5
needs --to. pinn is PtychoPINN's layout, product a ptychodus product, and patterns an HDF5 file of patterns for
ptychodus.`
}

// Run converts.
func (c *convertCmd) Run(app *appContext) error {
	result, err := convert.File(c.In, c.Out, convert.Options{
		To: c.To, View: c.view(), Input: c.Input, Layout: c.Layout, ProbeFile: c.ProbeFile, ObjectFile: c.ObjectFile,
		Log: app.Log,
	})
	return app.conclude(result, err, c.JSON)
}
