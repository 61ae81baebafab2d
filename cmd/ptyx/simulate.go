package main

import (
	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/simulate"
)

type simulateCmd struct {
	Out        string              `required:"" placeholder:"NPZ" help:"Scan to write, with its truth."`
	Object     simulate.ObjectKind `default:"star" help:"Object: star, lines or blobs."`
	Probe      simulate.ProbeKind  `default:"zoneplate" help:"Probe: gaussian, disk or zoneplate."`
	Scan       simulate.ScanKind   `default:"raster" help:"Positions: raster, fermat or random."`
	N          int                 `default:"64" help:"Side of a pattern in pixels: an even number from 32 to 1024."`
	Positions  int                 `default:"400" help:"Number of patterns."`
	Step       float64             `default:"8" help:"Mean distance of neighbouring positions in pixels."`
	ProbeSize  *float64            `placeholder:"PIXELS" help:"Width of the probe. Default: 20, at most half of --n."`
	Absorption float64             `default:"0.4" help:"Largest absorption a: the amplitude falls to exp(-a)."`
	Phase      float64             `default:"1" help:"Largest phase of the object in radians."`
	Nphotons   *float64            `placeholder:"PHOTONS" help:"Mean photons per pattern. Default: 1e6."`
	Noiseless  bool                `help:"Write exact intensities, without photon noise."`
	Seed       uint64              `default:"0" help:"Random seed of the object, positions and noise."`
	ObjectFile string              `placeholder:"NPZ" help:"Scan to take the object, probe and positions from."`
	JSON       bool                `name:"json" help:"Print the result as JSON."`
}

// Help explains what does not fit into a line.
func (simulateCmd) Help() string {
	return `The scan has PtychoPINN's layout. The width of the probe is that at half its peak intensity, or, with
--probe zoneplate, that of the cone behind the focus. --object-file reads objectGuess, probeGuess, xcoords and ycoords.
That probe keeps its power unless --nphotons is given.`
}

// Run simulates.
func (c *simulateCmd) Run(app *appContext) error {
	photons, err := c.photons()
	if err != nil {
		return err
	}
	result, err := simulate.File(app.Context, c.Out, simulate.Options{
		N: c.N, Object: c.Object, Absorption: c.Absorption, Phase: c.Phase, Probe: c.Probe, ProbeSize: c.probeSize(),
		Scan: c.Scan, Count: c.Positions, Step: c.Step, Photons: photons, Noiseless: c.Noiseless, Seed: c.Seed,
		ObjectFile: c.ObjectFile,
	})
	return app.conclude(result, err, c.JSON)
}

// probeSize is that of --probe-size.
func (c *simulateCmd) probeSize() float64 {
	const standard = 20
	if c.ProbeSize != nil {
		return *c.ProbeSize
	}
	return min(standard, float64(c.N)/2)
}

// photons are those of --nphotons; 0 leaves the probe of --object-file as it is.
func (c *simulateCmd) photons() (float64, error) {
	const standard = 1e6
	switch {
	case c.Nphotons != nil && *c.Nphotons == 0:
		return 0, &badinput.Error{Key: "--nphotons", Found: "0", Expected: "a positive number"}
	case c.Nphotons != nil:
		return *c.Nphotons, nil
	case c.ObjectFile != "":
		return 0, nil
	}
	return standard, nil
}
