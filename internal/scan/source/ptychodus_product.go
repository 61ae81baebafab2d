package source

// ptychodusProduct is a result of ptychodus, NPZ or HDF5: positions in metres, probe and object, each with the sizes of
// its pixels; no patterns.
var ptychodusProduct = layout{
	name:  "ptychodus product",
	signs: []string{"probe_position_x_m"},
	recognise: func(s *Source) (bool, error) {
		patterns, err := s.hasAny(Patterns, PatternsAlias)
		if err != nil || patterns && !s.isNPZ() {
			return false, err
		}
		if pixels, err := s.hasAny(X); err != nil || pixels && s.isNPZ() {
			return false, err
		}
		return s.hasAny("probe_position_x_m")
	},
	read: func(s *Source) error {
		s.Facts.Metres = true
		if s.isNPZ() {
			return readNPZProduct(s)
		}
		return readHDF5Product(s)
	},
}

// productNames are the arrays of a product.
var productNames = []struct{ key, own string }{
	{X, "probe_position_x_m"}, {Y, "probe_position_y_m"}, {PositionIndex, "probe_position_indexes"},
	{Probe, "probe"}, {Object, "object"},
}

func readNPZProduct(s *Source) error {
	if err := s.takeAll(); err != nil {
		return err
	}
	for _, a := range productNames {
		s.rename(a.key, a.own)
	}
	s.takeNPZPatterns()
	return s.flatFacts()
}

// readHDF5Product reads a product whose single values are attributes. Somebody may have put patterns into the same
// file.
func readHDF5Product(s *Source) error {
	for _, a := range productNames {
		if err := s.take(a.key, a.own); err != nil {
			return err
		}
	}
	if err := s.take(Patterns, "dp"); err != nil {
		return err
	}
	f := &s.Facts
	if s.Has(Patterns) {
		f.Kind = Counts
	}
	for _, a := range []struct {
		into         *float64
		object, name string
	}{
		{&f.EnergyEV, "/", "probe_energy_eV"}, {&f.EnergyEV, "/", "photon_energy_eV"},
		{&f.DistanceM, "/", "detector_object_distance_m"},
		{&f.PixelX, "object", "pixel_width_m"}, {&f.PixelY, "object", "pixel_height_m"},
	} {
		if v, present, err := s.file.attribute(a.object, a.name); err != nil {
			return err
		} else if present {
			*a.into = v
		}
	}
	x, hasX, err := s.file.attribute("object", "center_x_m")
	if err != nil {
		return err
	}
	y, hasY, err := s.file.attribute("object", "center_y_m")
	if err != nil || !hasX || !hasY {
		return err
	}
	return s.originFromCentre(Point{x, y})
}
