package source

import (
	"os"
	"strings"
)

// arina is a scan of the detector ARINA: the master file of a DECTRIS detector, NAME_master.h5, behind an electron
// microscope, and NAME.h5 with the step of the raster in nanometres. The master's optics are those of photons.
var arina = layout{
	name: "ARINA",
	recognise: func(r *reader) bool {
		beside := r.arinaCompanion()
		if beside == "" || len(r.dectrisLinks()) == 0 {
			return false
		}
		other := r.beside(beside)
		if other == nil {
			return false
		}
		defer other.Close()
		return other.has(arinaMetadata)
	},
	read: func(r *reader) {
		f := &r.Facts
		f.Kind, f.Electrons = Counts, true
		r.dectrisPixels(r.dectrisPatterns())
		other := r.beside(r.arinaCompanion())
		if other == nil {
			return
		}
		defer other.Close()
		steps, _, err := other.file.(hdf5File).AttributeFloats(arinaMetadata, "Pixel Size")
		r.keep(err)
		if r.err != nil {
			return
		}
		h, err := r.Header(Patterns)
		r.keep(err)
		if r.err == nil {
			f.Raster = Square(h.Shape[0])
		}
		if len(steps) > 0 && steps[0] > 0 {
			f.StepX, f.StepY = 1e-9*steps[0], 1e-9*steps[0]
		}
		if !f.Raster.IsZero() && f.StepX > 0 {
			r.SetRaster(f.Raster, f.StepX, f.StepY)
		}
	},
}

const arinaMetadata = "STEM Metadata"

// arinaCompanion is the path of the file beside the master; empty if there is none.
func (r *reader) arinaCompanion() string {
	base, named := strings.CutSuffix(r.Path(), "_master.h5")
	if info, err := os.Stat(base + ".h5"); !named || err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return base + ".h5"
}
