package convert

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/dataset"
)

// pinn writes PtychoPINN's layout. What is known in metres goes along under names that PtychoPINN does not read: those of a
// ptychodus product, and object_origin for where pixel (0, 0) is.
func (w *writer) pinn() error {
	switch {
	case w.scan == nil:
		return w.needs("no patterns", "a scan, for PtychoPINN's layout", "convert the scan, with this file as --object-file")
	case w.probe == nil:
		return w.needs("no probe", "one, for PtychoPINN's layout", "give a file that holds one with --probe-file")
	}
	// The object begins at pixel (0, 0) in this layout.
	x, y := moved(w.x, w.col), moved(w.y, w.row)
	members := []npz.Member{
		{Key: dataset.KeyPatterns, Value: w.amplitudes()},
		{Key: dataset.KeyX, Value: x}, {Key: dataset.KeyY, Value: y},
		{Key: dataset.KeyXStart, Value: moved(w.scan.XStart, w.col)}, {Key: dataset.KeyYStart, Value: moved(w.scan.YStart, w.row)},
		{Key: dataset.KeyIndex, Value: w.scan.Index},
		{Key: dataset.KeyProbe, Value: single(w.probe)},
	}
	w.said("%d patterns of %d x %d", w.scan.M, w.scan.N, w.scan.N)
	if modes := w.probe.Shape[0]; modes > 1 {
		w.said("%d probe modes, which only PtychoPINN's count mode reads", modes)
	}
	if w.object != nil {
		members = append(members, npz.Member{Key: dataset.KeyObject, Value: w.object})
		w.said("an object of %d x %d", w.object.Shape[0], w.object.Shape[1])
	}
	return w.members(append(members, w.geometryMembers()...))
}

// single drops the axis of modes if there is one only.
func single(probe *ndarray.Complex64) *ndarray.Complex64 {
	if probe.Shape[0] == 1 {
		return ndarray.Wrap(probe.Data, probe.Shape[1:]...)
	}
	return probe
}

func moved(values []float64, by int) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v - float64(by)
	}
	return out
}

// geometryMembers are what is known in metres and eV.
func (w *writer) geometryMembers() []npz.Member {
	g := w.geometry
	var members []npz.Member
	known := func(key string, v float64) {
		if v != 0 {
			members = append(members, npz.Member{Key: key, Value: v})
		}
	}
	known("probe_energy_eV", g.EnergyEV)
	known("detector_object_distance_m", g.DistanceM)
	known("detector_pixel_width_m", g.DetectorPixelX)
	known("detector_pixel_height_m", g.DetectorPixelY)
	known("object_pixel_width_m", g.PixelX)
	known("object_pixel_height_m", g.PixelY)
	if g.PixelX != 0 && g.PixelY != 0 {
		at := w.corner()
		members = append(members, npz.Member{Key: "object_origin_x_m", Value: at.X}, npz.Member{Key: "object_origin_y_m", Value: at.Y})
	}
	return members
}
