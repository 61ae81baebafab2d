package source

import (
	"os"
	"path/filepath"
	"strings"
)

// foldSlice is a pair of files of fold_slice and PtychoShelves: patterns dp in NAME_dp.hdf5, and in NAME_para.hdf5 the
// positions ppX and ppY in metres, the object's pixel dx and the wavelength lambda. Both may be in one file, and a file
// may have the positions alone.
//
// Nothing states which program wrote a file, but MATLAB writes a list of numbers with two axes. In such a file, the
// rows and columns of a pattern are exchanged, because MATLAB stores arrays in reverse order, and the positions are
// those of the sample, as fold_slice reads them. Positions with one axis come from Python; ptychodus reads such files
// as they are, with positions of the beam.
var foldSlice = layout{
	name:  "fold_slice",
	signs: []string{"ppX"},
	recognise: func(r *reader) bool {
		return !r.isNPZ() && (r.has("ppX") || r.has("dp") && r.hasFoldSliceCompanion())
	},
	read: func(r *reader) {
		f := &r.Facts
		f.Kind = Counts
		numbers := r
		if !r.has("ppX") {
			if numbers = r.beside(r.foldSliceCompanion()); numbers == nil {
				return
			}
			defer numbers.Close()
		}
		placeX, x, shape := numbers.values("ppX")
		placeY, y, _ := numbers.values("ppY")
		var wavelength float64
		numbers.number(&wavelength, "lambda")
		if wavelength > 0 {
			f.EnergyEV = planckC / wavelength
		}
		numbers.number(&f.PixelX, "dx")
		f.PixelY = f.PixelX
		r.keep(numbers.err)
		if r.err != nil || placeX == "" || placeY == "" {
			return
		}
		r.metres(placeX, x, y)
		fromMATLAB := len(shape) > 1
		f.SampleMotion = fromMATLAB
		if all, found := r.patterns("dp"); found {
			if fromMATLAB {
				all = all.oriented(exchangeAxes)
			}
			r.members[Patterns] = member{place: all.place, array: all}
		}
	},
}

// hasFoldSliceCompanion tells if a file beside one of patterns has the positions of fold_slice. pty-chi and ptychodus
// name their pairs the same way, but write a product.
func (r *reader) hasFoldSliceCompanion() bool {
	companion := r.beside(r.foldSliceCompanion())
	if companion == nil {
		return false
	}
	defer companion.Close()
	return companion.has("ppX")
}

// foldSliceCompanion is the path of the file of the positions beside one of the patterns; empty if there is none.
func (r *reader) foldSliceCompanion() string {
	extension := filepath.Ext(r.Path())
	stem, named := strings.CutSuffix(strings.TrimSuffix(r.Path(), extension), "_dp")
	if !named {
		return ""
	}
	path := stem + "_para" + extension
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return ""
	}
	return path
}
