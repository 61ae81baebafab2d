package source

// ptychodusProduct is a result of ptychodus, NPZ or HDF5: positions in metres, probe and object, each with the sizes of
// its pixels; no patterns.
var ptychodusProduct = layout{
	name:  "ptychodus product",
	signs: []string{"probe_position_x_m"},
	recognise: func(r *reader) bool {
		if r.isNPZ() {
			return r.has("probe_position_x_m") && !r.has(X)
		}
		return r.has("probe_position_x_m") && !r.has(Patterns, PatternsAlias)
	},
	read: func(r *reader) {
		r.Facts.Metres = true
		take := func(key, own string) { r.take(key, own) }
		if r.isNPZ() {
			r.takeAll()
			take = r.rename
		}
		take(X, "probe_position_x_m")
		take(Y, "probe_position_y_m")
		take(PositionIndex, "probe_position_indexes")
		take(Probe, "probe")
		take(Object, "object")
		if r.isNPZ() {
			r.takeNPZPatterns()
			r.flatFacts()
			return
		}
		f := &r.Facts
		if r.take(Patterns, "dp"); r.Has(Patterns) { // somebody has put both into one file
			f.Kind = Counts
		}
		r.attribute(&f.EnergyEV, "/", "probe_energy_eV")
		r.attribute(&f.EnergyEV, "/", "photon_energy_eV")
		r.attribute(&f.DistanceM, "/", "detector_object_distance_m")
		r.attribute(&f.PixelX, "object", "pixel_width_m")
		r.attribute(&f.PixelY, "object", "pixel_height_m")
		var centre Point
		x, y := r.attribute(&centre.X, "object", "center_x_m"), r.attribute(&centre.Y, "object", "center_y_m")
		if x && y {
			r.originFromCentre(centre)
		}
	},
}
