package source

import "strings"

// nxcxiPtycho is a file of NeXus's definition NXcxi_ptycho, as Diamond writes it: counts, positions x and y of the
// beam, or else the translations of CXI, which are the sample's. Units are those of the attributes.
//
// The energy is that of the beam: in NeXus, source_1/energy is the energy of the storage ring.
var nxcxiPtycho = layout{
	name: "NXcxi_ptycho",
	recognise: func(r *reader) bool {
		return !r.isNPZ() && r.has("entry_1") && (r.has("entry_1/data/data", nxcxiBeam+"energy",
			nxcxiBeam+"incident_beam_energy", nxcxiBeam+"incident_energy") || r.isPtychoDefinition())
	},
	read: func(r *reader) {
		f := &r.Facts
		f.Kind = Counts
		r.stackAt("entry_1/data/data", cxiDetector+"data", "entry_1/data_1/data")
		for _, group := range []string{"entry_1/data/", "entry_1/data_1/"} {
			if !r.Has(X) {
				r.axes(group+"x", group+"y", 1)
			}
		}
		translation := r.first("entry_1/data_1/translation", cxiDetector+"translation")
		if !r.Has(X) && translation != "" {
			r.points(r.unit(lengths, 1, translation), true, translation)
			f.SampleMotion = true
		}
		r.nxcxiEnergy()
		r.quantity(&f.DistanceM, lengths, 1, cxiDetector+"distance")
		r.quantity(&f.DetectorPixelX, lengths, 1, cxiDetector+"x_pixel_size")
		r.quantity(&f.DetectorPixelY, lengths, 1, cxiDetector+"y_pixel_size")
		r.cxiMask()
	},
}

const nxcxiBeam = "entry_1/instrument_1/beam_1/"

// isPtychoDefinition reports whether the file names the definition.
func (r *reader) isPtychoDefinition() bool {
	_, a := r.find("entry_1/definition")
	if a == nil {
		return false
	}
	text, err := a.Text()
	return err == nil && (strings.TrimSpace(text) == "NXptycho" || strings.TrimSpace(text) == "NXcxi_ptycho")
}

// nxcxiEnergy reads the photon energy. Without a unit, a number below that of any ring's photons in eV is in keV, and a
// far smaller one in joules.
func (r *reader) nxcxiEnergy() {
	const leastEV, mostJoules = 50, 1e-6
	place := r.first(nxcxiBeam+"energy", nxcxiBeam+"incident_beam_energy", nxcxiBeam+"incident_energy")
	var energy float64
	if place == "" || !r.number(&energy, place) {
		return
	}
	usual := 1.0
	switch {
	case energy < mostJoules:
		usual = 1 / joulesPerEV
	case energy < leastEV:
		usual = 1e3
	}
	r.Facts.EnergyEV = energy * r.unit(energies, usual, place)
}
