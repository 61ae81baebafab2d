package source

import (
	"math"
)

// slac is an NPZ file of the XPP beamline of SLAC: PtychoPINN's names, patterns (H, W, M), optics under names of its
// own, and positions in object pixels or in metres, which no number states. Positions below a millimetre are metres:
// no scan has all its positions within a thousandth of a pixel.
var slac = layout{
	name: "SLAC XPP",
	recognise: func(r *reader) bool {
		return r.isNPZ() && r.has(PatternsAlias) &&
			r.has("detector_distance_m", "detector_pixel_size_m", "probe_energy_ev")
	},
	read: func(r *reader) {
		const furthest = 1e-3
		f := &r.Facts
		r.takeAll()
		r.flatFacts()
		r.number(&f.EnergyEV, "probe_energy_ev")
		r.number(&f.EnergyEV, "photon_energy_eV")
		r.number(&f.DistanceM, "detector_distance_m")
		if r.number(&f.DetectorPixelX, "detector_pixel_size_m") {
			f.DetectorPixelY = f.DetectorPixelX
		}
		for key, start := range map[string]string{X: XStart, Y: YStart} {
			if !r.Has(key) && r.Has(start) {
				r.members[key] = r.members[start]
			}
		}
		most := 0.0
		for _, key := range []string{X, Y} {
			if !r.Has(key) || r.err != nil {
				return
			}
			values, err := r.Float64s(key)
			r.keep(err)
			for _, v := range values {
				most = max(most, math.Abs(v))
			}
		}
		f.Metres = most > 0 && most < furthest
	},
}
