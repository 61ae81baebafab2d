package convert

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/source"
)

// PINN is PtychoPINN's layout, NPZ or HDF5.
const PINN Target = "pinn"

var pinn = target{PINN, "a scan in PtychoPINN's layout", []string{".npz", ".h5", ".hdf5", ".hdf"}, writePINN}

// writePINN adds what is known in metres under names that PtychoPINN does not read: those of a ptychodus product, and
// object_origin, the place of pixel (0, 0). A scan without a probe is written without one, as ptyx reads it.
func writePINN(w *writer) error {
	if w.scan == nil {
		return w.missing("no patterns", "a scan, for PtychoPINN's layout",
			"convert the scan, with this file as --object-file")
	}
	members := []npz.Member{ // the object begins at pixel (0, 0) in this layout
		{Key: source.Patterns, Value: w.amplitudes()},
		{Key: source.X, Value: minus(w.x, w.col)}, {Key: source.Y, Value: minus(w.y, w.row)},
		{Key: source.XStart, Value: minus(w.scan.XStart, w.col)},
		{Key: source.YStart, Value: minus(w.scan.YStart, w.row)},
		{Key: source.Index, Value: w.scan.Index},
	}
	w.note("%d patterns of %d x %d", w.scan.M, w.scan.N, w.scan.N)
	members = append(members, w.pinnProbe()...)
	if w.object != nil {
		members = append(members, npz.Member{Key: source.Object, Value: w.object})
		w.note("an object of %d x %d", w.object.Shape[0], w.object.Shape[1])
	}
	g := w.geometry
	for _, known := range []npz.Member{
		{Key: source.KeyEnergy, Value: g.EnergyEV}, {Key: source.KeyDistance, Value: g.DistanceM},
		{Key: source.KeyDetectorPixelX, Value: g.DetectorPixelX},
		{Key: source.KeyDetectorPixelY, Value: g.DetectorPixelY},
		{Key: source.KeyPixelX, Value: g.PixelX}, {Key: source.KeyPixelY, Value: g.PixelY},
	} {
		if known.Value != 0.0 {
			members = append(members, known)
		}
	}
	if g.PixelX != 0 && g.PixelY != 0 {
		at := w.corner()
		members = append(members,
			npz.Member{Key: "object_origin_x_m", Value: at.X}, npz.Member{Key: "object_origin_y_m", Value: at.Y})
	}
	return w.arrays(members)
}

// pinnProbe is the probe: (P, N, N), or (N, N) if there is one mode.
func (w *writer) pinnProbe() []npz.Member {
	if w.probe == nil {
		w.log.Warn("the scan has no probe, which PtychoPINN needs; give a file with one as --probe-file",
			"file", w.path)
		return nil
	}
	probe := w.probe
	if modes := probe.Shape[0]; modes > 1 {
		w.note("%d probe modes, which only PtychoPINN's count mode reads", modes)
	} else {
		probe = ndarray.Wrap(probe.Data, probe.Shape[1:]...)
	}
	return []npz.Member{{Key: source.Probe, Value: probe}}
}

// minus subtracts an offset in pixels.
func minus(values []float64, offset int) []float64 {
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = v - float64(offset)
	}
	return out
}
