package source

import "math"

// cSAXS is a scan of cSAXS at the Swiss Light Source: counts, energy in keV, and lengths without units, the distance in
// millimetres and at times negative, pixels in micrometres. Positions come from another file.
var cSAXS = layout{
	name:  "cSAXS",
	signs: []string{"entry/instrument/eiger_4/x_pixel_size"},
	read: func(r *reader) {
		f := &r.Facts
		r.patternsAlone(Counts, "entry/data/data", "entry/instrument/eiger_4/data")
		r.quantity(&f.EnergyEV, energies, 1e3, "entry/instrument/monochromator/energy")
		r.quantity(&f.DistanceM, lengths, 1e-3, "entry/instrument/monochromator/distance")
		f.DistanceM = math.Abs(f.DistanceM)
		r.quantity(&f.DetectorPixelX, lengths, 1e-6, "entry/instrument/eiger_4/x_pixel_size")
		r.quantity(&f.DetectorPixelY, lengths, 1e-6, "entry/instrument/eiger_4/y_pixel_size")
	},
}
