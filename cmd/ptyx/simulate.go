package main

import (
	"ptyx/internal/app/workflow"
	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/simulate"
)

type simulateCmd struct {
	Out        string              `required:"" placeholder:"NPZ" help:"Scan to write, in PtychoPINN's layout, truth included."`
	Object     simulate.ObjectKind `default:"star" help:"star, lines or blobs."`
	Probe      simulate.ProbeKind  `default:"zoneplate" help:"gaussian, disk or zoneplate."`
	Scan       simulate.ScanKind   `default:"raster" help:"raster, fermat or random."`
	N          int                 `default:"64" help:"Pattern size: 64, 128 or 256."`
	Positions  int                 `default:"400" help:"Patterns."`
	Step       float64             `default:"8" help:"Mean distance of neighbouring patterns in pixels."`
	ProbeSize  float64             `aliases:"probe_size" default:"20" help:"Width of the probe in pixels: at half intensity, or of the cone behind the focus."`
	Absorption float64             `default:"0.4" help:"The object's amplitude falls to exp of minus this."`
	Phase      float64             `default:"1" help:"Largest phase of the object in radians."`
	Nphotons   *float64            `placeholder:"1e6" help:"Mean photons per pattern; with --object-file, without it, what its probe gives."`
	Noiseless  bool                `help:"Exact intensities, no photon noise."`
	Seed       uint64              `default:"0" help:"Of object, positions and noise."`
	ObjectFile string              `aliases:"object_file" placeholder:"NPZ" help:"Take objectGuess, probeGuess, xcoords and ycoords from this file; without --nphotons the probe keeps its power."`
	JSON       bool                `name:"json" help:"Print what was done as JSON."`
}

// Run simulates.
func (c *simulateCmd) Run(app *appContext) error {
	photons, err := c.photons()
	if err != nil {
		return err
	}
	done, err := workflow.Simulate(app.Context, c.Out, simulate.Options{
		N: c.N, Object: c.Object, Absorption: c.Absorption, Phase: c.Phase, Probe: c.Probe, ProbeSize: c.ProbeSize,
		Scan: c.Scan, Count: c.Positions, Step: c.Step, Photons: photons, Noiseless: c.Noiseless, Seed: c.Seed,
		ObjectFile: c.ObjectFile,
	})
	if err != nil {
		return err
	}
	return app.conclude(done, c.JSON)
}

// defaultPhotons is what --nphotons is without a wish, where the probe is made.
const defaultPhotons = 1e6

// photons are those asked for; 0 leaves a given probe as it is.
func (c *simulateCmd) photons() (float64, error) {
	switch {
	case c.Nphotons != nil && *c.Nphotons == 0:
		return 0, &badinput.Error{Key: "--nphotons", Found: "0", Expected: "a positive number"}
	case c.Nphotons != nil:
		return *c.Nphotons, nil
	case c.ObjectFile != "":
		return 0, nil
	}
	return defaultPhotons, nil
}
