package convert

import (
	"errors"
	"fmt"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
)

// product writes what ptychodus reads as a product: positions in metres, probe (1, P, N, N) and object (1, H, W) with their pixels and
// the object's centre. A position is found in the object at (x - centre) / pixel + W/2.
func (w *writer) product() error {
	if err := w.needResult("a ptychodus product"); err != nil {
		return err
	}
	if w.scan != nil {
		w.lost("the patterns, which ptychodus keeps in a file of their own: --to patterns")
	}
	g := w.geometry
	if g.EnergyEV == 0 || g.DistanceM == 0 {
		w.log.Warn("energy or distance is not known and written as 0, which a product takes for it; give --energy-ev and --distance-m", "file", w.path)
	}
	w.said("%d positions", len(w.x))
	w.said("a probe of %d x %d", w.probe.Shape[1], w.probe.Shape[2])
	w.said("an object of %d x %d", w.object.Shape[0], w.object.Shape[1])
	if w.isNPZ() {
		return npz.Write(w.path, w.productMembers())
	}
	return w.hdf5(w.productFile)
}

// needResult refuses a content that lacks a part of a result.
func (w *writer) needResult(what string) error {
	switch {
	case w.object == nil:
		return w.needs("no object", "one, for "+what, "give a reconstruction with --object-file")
	case w.probe == nil:
		return w.needs("no probe", "one, for "+what, "give a file that holds one with --probe-file")
	case len(w.x) == 0:
		return w.needs("no positions", "those of the scan, for "+what, "convert the scan, with this file as --object-file")
	}
	return w.needPixel()
}

// productFacts are values that a product has once, under the same name in both containers. Energy and attenuation have changed their
// names in ptychodus 1.7, whose NPZ reader wants the new ones and whose predecessors want the old: both are written.
func (w *writer) productFacts() []npz.Member {
	return []npz.Member{
		{Key: "name", Value: w.name()}, {Key: "comments", Value: "ptyx " + version.String},
		{Key: "detector_object_distance_m", Value: w.geometry.DistanceM}, {Key: "probe_energy_eV", Value: w.geometry.EnergyEV},
		{Key: "photon_energy_eV", Value: w.geometry.EnergyEV},
		{Key: "probe_photon_count", Value: w.photons()}, {Key: "exposure_time_s", Value: 0.0},
		{Key: "mass_attenuation_m2_kg", Value: 0.0}, {Key: "mass_attenuation_m2_per_kg", Value: 0.0}, {Key: "tomography_angle_deg", Value: 0.0},
	}
}

// productArrays have the same names in both containers, too.
func (w *writer) productArrays() []npz.Member {
	x, y := w.metres()
	return []npz.Member{
		{Key: "probe_position_indexes", Value: w.index}, {Key: "probe_position_x_m", Value: x}, {Key: "probe_position_y_m", Value: y},
		{Key: "probe", Value: ndarray.Wrap(w.probe.Data, append([]int{1}, w.probe.Shape...)...)},
		{Key: "object", Value: ndarray.Wrap(w.object.Data, 1, w.object.Shape[0], w.object.Shape[1])},
		{Key: "object_layer_spacing_m", Value: []float64{}}, {Key: "loss_values", Value: []float64{}}, {Key: "loss_epochs", Value: []int64{}},
	}
}

// productMembers are those of an NPZ product, where everything is an array.
func (w *writer) productMembers() []npz.Member {
	g, at := w.geometry, w.centre()
	members := append(w.productFacts(), w.productArrays()...)
	return append(members,
		npz.Member{Key: "probe_pixel_width_m", Value: g.PixelX}, npz.Member{Key: "probe_pixel_height_m", Value: g.PixelY},
		npz.Member{Key: "object_pixel_width_m", Value: g.PixelX}, npz.Member{Key: "object_pixel_height_m", Value: g.PixelY},
		npz.Member{Key: "object_center_x_m", Value: at.X}, npz.Member{Key: "object_center_y_m", Value: at.Y},
	)
}

// productFile writes an HDF5 product, where single values are attributes.
func (w *writer) productFile(f *hdf5.Writer) error {
	for _, m := range w.productArrays() {
		if err := f.Put(m.Key, m.Value); err != nil {
			return err
		}
	}
	for _, m := range w.productFacts() {
		if err := f.Attribute("/", m.Key, m.Value); err != nil {
			return err
		}
	}
	g, at := w.geometry, w.centre()
	return errors.Join(
		f.Attribute("probe", "pixel_width_m", g.PixelX), f.Attribute("probe", "pixel_height_m", g.PixelY),
		f.Attribute("object", "pixel_width_m", g.PixelX), f.Attribute("object", "pixel_height_m", g.PixelY),
		f.Attribute("object", "center_x_m", at.X), f.Attribute("object", "center_y_m", at.Y),
	)
}

// patterns writes counts as ptychodus reads them: dp in HDF5, patterns and indexes in NPZ.
func (w *writer) patterns() error {
	if w.scan == nil {
		return w.needs("no patterns", "some, to be written", "")
	}
	w.said("%d patterns of %d x %d", w.scan.M, w.scan.N, w.scan.N)
	w.lost(fmt.Sprintf("%d positions and the rest, which ptychodus keeps in a product: --to product", len(w.x)))
	if w.isNPZ() {
		return npz.Write(w.path, []npz.Member{{Key: "indexes", Value: w.index}, {Key: "patterns", Value: w.counts()}})
	}
	return w.hdf5(func(f *hdf5.Writer) error { return put(f, "dp", w.counts()) })
}
