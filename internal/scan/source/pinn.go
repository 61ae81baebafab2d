package source

import "ptyx/internal/format/hdf5"

// pinn recognises PtychoPINN's arrays in an HDF5 file, under the names that they have in an NPZ file.
func (c *container) pinn() (bool, error) {
	there, err := c.file.Has(Patterns)
	if err == nil && !there {
		there, err = c.file.Has(PatternsAlias)
	}
	if err != nil || !there {
		return false, err
	}
	c.facts.Format = "HDF5 in PtychoPINN's layout"
	names, err := c.file.Names("/")
	if err != nil {
		return true, err
	}
	for _, name := range names {
		if err := c.takeArray(name); err != nil {
			return true, err
		}
	}
	f := &c.facts
	for _, n := range []struct {
		key  string
		into *float64
	}{
		{"probe_energy_eV", &f.EnergyEV}, {"detector_object_distance_m", &f.DistanceM},
		{"detector_pixel_width_m", &f.DetectorPixelX}, {"detector_pixel_height_m", &f.DetectorPixelY},
		{"object_pixel_width_m", &f.PixelX}, {"object_pixel_height_m", &f.PixelY},
	} {
		if err := c.scalar(n.into, n.key); err != nil {
			return true, err
		}
	}
	if c.Has("object_origin_x_m") && c.Has("object_origin_y_m") {
		f.Origin = &Point{}
		if err := c.scalar(&f.Origin.X, "object_origin_x_m"); err != nil {
			return true, err
		}
		if err := c.scalar(&f.Origin.Y, "object_origin_y_m"); err != nil {
			return true, err
		}
	}
	return true, nil
}

// takeArray makes a dataset of the root an array of its own name; groups and structures are passed over.
func (c *container) takeArray(name string) error {
	if there, err := c.file.Has(name); err != nil || !there {
		return err
	}
	if group, err := c.file.IsGroup(name); err != nil || group {
		return err
	}
	d, err := c.file.Dataset(name)
	if err != nil {
		return err
	}
	if d.Type.Class != hdf5.Compound && d.Type.Class != hdf5.Other {
		c.members[name] = member{place: name, dataset: d}
	}
	return nil
}
