package source

import (
	"path"
	"slices"
	"strings"
)

// nanoMAX is a scan of NanoMAX at MAX IV: counts of a detector, pseudo motors of the sample in micrometres, and the
// energy in eV in a snapshot.
var nanoMAX = layout{
	name: "NanoMAX",
	recognise: func(r *reader) bool {
		return !r.isNPZ() && (r.has("entry/measurement/pseudo") ||
			r.has("entry/measurement") && r.nanoMAXDetector() != "")
	},
	read: func(r *reader) {
		f := &r.Facts
		f.Kind, f.SampleMotion = Counts, true
		if place := r.nanoMAXDetector(); place != "" {
			r.stackAt(place)
			detector := strings.ToLower(path.Base(path.Dir(place)))
			for name, micrometres := range map[string]float64{"eiger": 75, "pilatus": 172, "pil": 172, "merlin": 55} {
				if strings.HasPrefix(detector, name) {
					f.DetectorPixelX, f.DetectorPixelY = 1e-6*micrometres, 1e-6*micrometres
				}
			}
		}
		r.axes("entry/measurement/pseudo/x", "entry/measurement/pseudo/y", 1e-6)
		r.quantity(&f.EnergyEV, energies, 1, "entry/snapshot/energy")
	},
}

// nanoMAXDetector is the place of the frames of the first detector; empty if there is none.
func (r *reader) nanoMAXDetector() string {
	names, is := r.insideOf("entry/measurement")
	if !is {
		return ""
	}
	at := slices.IndexFunc(names, func(name string) bool { return r.has("entry/measurement/" + name + "/frames") })
	if at >= 0 {
		return "entry/measurement/" + names[at] + "/frames"
	}
	return r.first("entry/measurement/Eiger/data", "entry/instrument/Eiger/data")
}
