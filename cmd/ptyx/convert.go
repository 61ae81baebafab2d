package main

import (
	"ptyx/internal/scan/convert"
)

type convertCmd struct {
	In  string         `arg:"" help:"File to read: NPZ (PtychoPINN, a reconstruction, a ptychodus product), CXI, HDF5."`
	Out string         `arg:"" help:"File to write; its extension says what: .npz, .h5, .cxi, .tif, .png."`
	To  convert.Target `placeholder:"TARGET" help:"pinn (PtychoPINN's layout), product (of ptychodus), patterns (for ptychodus), cxi, tiff or png, where the extension leaves a choice."`

	ProbeFile  string `aliases:"probe_file" placeholder:"FILE" help:"Take the probe from this file."`
	ObjectFile string `aliases:"object_file" placeholder:"FILE" help:"Take the object from this file, such as a reconstruction.npz of the same scan."`
	JSON       bool   `name:"json" help:"Print what was done as JSON."`
	inputFlags `embed:"" group:"How the scan is read"`

	viewFlags `embed:"" group:"How the scan is read"`
}

// Run converts.
func (c *convertCmd) Run(app *appContext) error {
	done, err := convert.File(c.In, c.Out, convert.Options{
		To: c.To, View: c.view(), Input: c.Input, Layout: c.Layout, ProbeFile: c.ProbeFile, ObjectFile: c.ObjectFile, Log: app.Log,
	})
	if err != nil {
		return err
	}
	return app.conclude(done, c.JSON)
}
