package source

// nsls2 is a file of NSLS-II, raw or prepared for its reconstruction: patterns, points in micrometres, and numbers each
// in a unit of its own. A file with patterns in another place is one, too, if it has one of these numbers or the
// points.
var nsls2 = layout{
	name:  "NSLS-II",
	signs: nsls2Patterns[:2],
	recognise: func(r *reader) bool {
		return !r.isNPZ() && (r.has(nsls2Patterns[:2]...) || r.has(nsls2Patterns...) &&
			(r.has(nsls2Points...) || r.has("z_m", "ccd_pixel_um", "lambda_nm", "energy_kev")))
	},
	read: func(r *reader) {
		kind := Counts
		if r.has("diffamp") {
			kind = Amplitudes
		}
		r.patternsAlone(kind, nsls2Patterns...)
		var micrometres, nanometres, kiloEV float64
		r.number(&micrometres, "ccd_pixel_um")
		r.number(&nanometres, "lambda_nm")
		r.number(&kiloEV, "energy_kev")
		f := &r.Facts
		r.number(&f.DistanceM, "z_m")
		f.DetectorPixelX, f.DetectorPixelY = 1e-6*micrometres, 1e-6*micrometres
		switch {
		case nanometres > 0:
			f.EnergyEV = planckC / (1e-9 * nanometres)
		case kiloEV > 0:
			f.EnergyEV = 1e3 * kiloEV
		}
		if !r.Has(X) {
			r.points(1e-6, false, nsls2Points...)
		}
	},
}

// nsls2Patterns are the places of the patterns, those that only NSLS-II has first; nsls2Points those of the positions.
var (
	nsls2Patterns = []string{
		"diffamp", "diff_data/merlin1/det_images", "dp", "patterns", "entry/data/data", "exchange/data",
		"entry/instrument/detector/data", "entry/instrument/detector_1/data",
	}
	nsls2Points = []string{"points", "scan/scan_positions"}
)
