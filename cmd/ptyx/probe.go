package main

import "ptyx/internal/app/workflow"

type probeCmd struct {
	Data  string         `placeholder:"FILE" help:"Scan that the probe is for: NPZ, CXI or HDF5."`
	Out   string         `default:"probe.npz" placeholder:"NPZ" help:"File to write; a picture goes beside it."`
	Optic workflow.Optic `default:"patterns" help:"Source: patterns, or a zoneplate, kb, pinhole or gaussian model."`

	ApertureUM workflow.Pair `name:"aperture-um" placeholder:"UM[,UM]" help:"Aperture in micrometres (see above)."`
	ZoneNM     float64       `name:"zone-nm" placeholder:"NM" help:"Outermost zone of a zone plate in nanometres."`
	StopUM     float64       `name:"stop-um" placeholder:"UM" help:"Central stop of a zone plate in micrometres."`
	FocalMM    workflow.Pair `name:"focal-mm" placeholder:"MM[,MM]" help:"Focal lengths of KB mirrors in millimetres."`
	DefocusUM  float64       `name:"defocus-um" placeholder:"UM" help:"Way from focus or pinhole to sample, in µm."`

	N    int    `placeholder:"PIXELS" help:"Side of the patterns, without --data."`
	Seed uint64 `default:"0" help:"Random seed of the search, with --optic patterns."`
	JSON bool   `name:"json" help:"Print the result as JSON."`

	scanFlags `embed:"" group:"Reading the scan"`
}

// Help explains what does not fit into a line.
func (probeCmd) Help() string {
	return `--optic patterns needs a scan with positions, and no optics: ptyx finds the probe that explains the patterns
best. solve and train do the same if a scan has no probe.

A model needs the photon energy and the object's pixel, from --data or from --energy-ev and --pixel-size-nm. The
aperture is the diameter of the zone plate or pinhole, the width of a Gaussian waist at half its peak, or the height and
width of the beam on KB mirrors. A positive defocus is behind the focus.`
}

// Run makes the probe.
func (c *probeCmd) Run(app *appContext) error {
	result, err := workflow.MakeProbe(app.Context, workflow.ProbeOptions{
		Scan: c.Data, Read: c.read(), N: c.N, Optic: c.Optic, Seed: c.Seed, Out: c.Out,
		Values: workflow.OpticValues{
			ApertureUM: c.ApertureUM, FocalMM: c.FocalMM, ZoneNM: c.ZoneNM, StopUM: c.StopUM, DefocusUM: c.DefocusUM,
		},
	}, app.Log)
	return app.conclude(result, err, c.JSON)
}
