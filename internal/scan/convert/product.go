package convert

import (
	"errors"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/format/npz"
	"ptyx/internal/physics/optics"
)

// Product is a product of ptychodus, HDF5 or NPZ.
const Product Target = "product"

var product = target{Product, "a ptychodus product", []string{".h5", ".hdf5", ".hdf", ".npz"}, writeProduct}

// writeProduct writes positions in metres, probe (1, P, N, N) and object (1, H, W) with their pixels, and the object's
// centre. ptychodus finds a position in the object at (x - centre) / pixel + W/2.
func writeProduct(w *writer) error {
	if err := w.needResult("a ptychodus product"); err != nil {
		return err
	}
	if w.scan != nil {
		w.leaveOut("the patterns, which ptychodus keeps in a file of their own: --to patterns")
	}
	g := w.geometry
	if g.EnergyEV == 0 || g.DistanceM == 0 {
		w.log.Warn("energy or distance is not known and written as 0; give --energy-ev and --distance-m",
			"file", w.path)
	}
	w.note("%d positions", len(w.x))
	w.note("a probe of %d x %d", w.probe.Shape[1], w.probe.Shape[2])
	w.note("an object of %d x %d", w.object.Shape[0], w.object.Shape[1])
	h, width := w.object.Shape[0], w.object.Shape[1]
	centre := w.corner()
	centre.X, centre.Y = centre.X+float64(width)/2*g.PixelX, centre.Y+float64(h)/2*g.PixelY
	x, y := w.metres()
	arrays := []npz.Member{
		{Key: "probe_position_indexes", Value: w.index},
		{Key: "probe_position_x_m", Value: x}, {Key: "probe_position_y_m", Value: y},
		{Key: "probe", Value: ndarray.Wrap(w.probe.Data, append([]int{1}, w.probe.Shape...)...)},
		{Key: "object", Value: ndarray.Wrap(w.object.Data, 1, h, width)},
		{Key: "object_layer_spacing_m", Value: []float64{}},
		{Key: "loss_values", Value: []float64{}}, {Key: "loss_epochs", Value: []int64{}},
	}
	// Energy and attenuation have changed their names in ptychodus 1.7, whose NPZ reader needs the new ones and whose
	// predecessors need the old: both are written.
	facts := []npz.Member{
		{Key: "name", Value: w.name()}, {Key: "comments", Value: "ptyx " + version.String},
		{Key: "detector_object_distance_m", Value: g.DistanceM}, {Key: "probe_energy_eV", Value: g.EnergyEV},
		{Key: "photon_energy_eV", Value: g.EnergyEV},
		{Key: "probe_photon_count", Value: optics.Power(w.probe)}, {Key: "exposure_time_s", Value: 0.0},
		{Key: "mass_attenuation_m2_kg", Value: 0.0}, {Key: "mass_attenuation_m2_per_kg", Value: 0.0},
		{Key: "tomography_angle_deg", Value: 0.0},
	}
	if w.isNPZ() { // where everything is an array
		return npz.Write(w.path, slices.Concat(facts, arrays, []npz.Member{
			{Key: "probe_pixel_width_m", Value: g.PixelX}, {Key: "probe_pixel_height_m", Value: g.PixelY},
			{Key: "object_pixel_width_m", Value: g.PixelX}, {Key: "object_pixel_height_m", Value: g.PixelY},
			{Key: "object_center_x_m", Value: centre.X}, {Key: "object_center_y_m", Value: centre.Y},
		}))
	}
	return w.hdf5(func(f *hdf5.Writer) error { // where single values are attributes
		var errs []error
		for _, m := range arrays {
			errs = append(errs, f.Put(m.Key, m.Value))
		}
		for _, m := range facts {
			errs = append(errs, f.Attribute("/", m.Key, m.Value))
		}
		return errors.Join(append(errs,
			f.Attribute("probe", "pixel_width_m", g.PixelX), f.Attribute("probe", "pixel_height_m", g.PixelY),
			f.Attribute("object", "pixel_width_m", g.PixelX), f.Attribute("object", "pixel_height_m", g.PixelY),
			f.Attribute("object", "center_x_m", centre.X), f.Attribute("object", "center_y_m", centre.Y),
		)...)
	})
}
