package source

// product recognises a ptychodus product: positions in metres, probe and object, each with the sizes of its pixels; no patterns.
func (c *container) product() (bool, error) {
	there, err := c.file.Has("probe_position_x_m")
	if err != nil || !there {
		return false, err
	}
	f := &c.facts
	f.Format, f.Metres = "ptychodus product", true
	for _, a := range []struct{ key, path string }{
		{X, "probe_position_x_m"}, {Y, "probe_position_y_m"}, {PositionIndex, "probe_position_indexes"}, {Probe, "probe"}, {Object, "object"},
		{Patterns, "dp"}, // not of the product, but where somebody has put both into one file
	} {
		if err := c.take(a.key, a.path); err != nil {
			return true, err
		}
	}
	if c.Has(Patterns) {
		f.Kind = Counts
	}
	for _, a := range []struct {
		into         *float64
		object, name string
	}{
		{&f.EnergyEV, "/", "probe_energy_eV"}, {&f.EnergyEV, "/", "photon_energy_eV"}, {&f.DistanceM, "/", "detector_object_distance_m"},
		{&f.PixelX, "object", "pixel_width_m"}, {&f.PixelY, "object", "pixel_height_m"},
	} {
		if err := c.attribute(a.into, a.object, a.name); err != nil {
			return true, err
		}
	}
	return true, c.productOrigin()
}

// productOrigin works out where the object's first pixel is.
func (c *container) productOrigin() error {
	object, ok := c.members[Object]
	if !ok {
		return nil
	}
	x, hasX, err := c.file.AttributeFloat("object", "center_x_m")
	if err != nil {
		return err
	}
	y, hasY, err := c.file.AttributeFloat("object", "center_y_m")
	if err != nil || !hasX || !hasY {
		return err
	}
	c.facts.Origin = origin(Point{x, y}, c.facts, object.dataset.Shape)
	return nil
}

// attribute reads a number that an object of the file may carry.
func (c *container) attribute(into *float64, object, name string) error {
	there, err := c.file.Has(object)
	if err != nil || !there {
		return err
	}
	v, present, err := c.file.AttributeFloat(object, name)
	if present {
		*into = v
	}
	return err
}

// place is where some program puts patterns.
type place struct {
	path string
	kind Kind
}

// places are searched in this order.
var places = []place{
	{"diffamp", Amplitudes},                      // NSLS-II
	{"dp", Counts},                               // fold_slice, PtychoShelves, ptychodus, NSLS-II
	{"patterns", Counts},                         // ptychodus
	{"entry/data/data", Counts},                  // NeXus
	{"exchange/data", Counts},                    // Data Exchange
	{"diff_data/merlin1/det_images", Counts},     // NSLS-II, raw
	{"entry/instrument/detector/data", Counts},   // NeXus
	{"entry/instrument/detector_1/data", Counts}, // NeXus
}

func patternPlaces() []string {
	names := []string{Patterns, PatternsAlias}
	for _, p := range places {
		names = append(names, p.path)
	}
	return names
}

// patterns recognises a file of patterns; positions may be in it, as NSLS-II's micrometres, or come from another file.
func (c *container) patterns() (bool, error) {
	for _, p := range places {
		there, err := c.file.Has(p.path)
		if err != nil {
			return false, err
		}
		if !there {
			continue
		}
		c.facts.Format, c.facts.Kind = "HDF5", p.kind
		return true, c.patternsAt(p.path)
	}
	return false, nil
}

func (c *container) patternsAt(path string) error {
	if err := c.take(Patterns, path); err != nil {
		return err
	}
	for _, a := range []struct{ key, path string }{
		{PatternIndex, "indexes"}, {FrameIDs, FrameIDs}, {Probe, "probe"}, {Probe, Probe}, {Object, "object"}, {Object, Object}, {X, X}, {Y, Y},
	} {
		if c.Has(a.key) {
			continue
		}
		if err := c.take(a.key, a.path); err != nil {
			return err
		}
	}
	if bad, err := c.image("bad_pixels"); err != nil {
		return err
	} else if bad != nil {
		c.facts.Bad = bad
	}
	if err := c.nsls(); err != nil {
		return err
	}
	if c.Has(X) {
		return nil
	}
	for _, points := range []string{"points", "scan/scan_positions"} {
		there, err := c.file.Has(points)
		if err != nil {
			return err
		}
		if there {
			const micrometre = 1e-6
			return c.pairs(points, micrometre, false)
		}
	}
	return nil
}

// nsls reads the numbers that NSLS-II's files carry, each in a unit of its own.
func (c *container) nsls() error {
	f := &c.facts
	var micrometres, nanometres, kiloEV float64
	for _, n := range []struct {
		into *float64
		path string
	}{{&f.DistanceM, "z_m"}, {&micrometres, "ccd_pixel_um"}, {&nanometres, "lambda_nm"}, {&kiloEV, "energy_kev"}} {
		if err := c.scalar(n.into, n.path); err != nil {
			return err
		}
	}
	f.DetectorPixelX, f.DetectorPixelY = 1e-6*micrometres, 1e-6*micrometres
	switch {
	case nanometres > 0:
		f.EnergyEV = planckC / (1e-9 * nanometres)
	case kiloEV > 0:
		f.EnergyEV = 1e3 * kiloEV
	}
	return nil
}
