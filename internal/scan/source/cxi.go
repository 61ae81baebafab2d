package source

import (
	"fmt"
	"math"

	"ptyx/internal/base/ndarray"
)

// cxi is a file of the Coherent X-ray Imaging Data Bank, HDF5: counts, energies in joules, positions of the sample in
// metres. If ptyx or ptychodus wrote a result into it, image_1 is the probe and image_2 the object.
var cxi = layout{
	name:  "CXI",
	signs: []string{"entry_1"},
	read: func(r *reader) {
		r.Facts.Kind, r.Facts.SampleMotion = Counts, true
		r.take(Patterns, "entry_1/data_1/data", cxiDetector+"data")
		r.take(FrameIDs, "entry_1/data_1/ids", FrameIDs)
		r.points(1, true, "entry_1/data_1/translation", "entry_1/sample_1/geometry_1/translation",
			"entry_1/sample_1/geometry/translation", cxiDetector+"translation")
		r.cxiEnergy()
		r.cxiPixels()
		r.cxiDistance()
		r.cxiMask()
		r.Facts.Dark = r.image(cxiDetector + "data_dark")
		r.cxiResult()
	},
}

const (
	cxiDetector = "entry_1/instrument_1/detector_1/"
	cxiSource   = "entry_1/instrument_1/source_1/"
)

// cxiEnergy reads the photon energy.
func (r *reader) cxiEnergy() {
	var joules, wavelength float64
	r.number(&joules, cxiSource+"energy")
	r.number(&wavelength, cxiSource+"wavelength")
	switch {
	case r.stated(&r.Facts.EnergyEV):
	case joules > 1e-6: // 6e12 eV: no lens focuses such photons
		r.fail(cxiSource+"energy", fmt.Sprint(joules), "joules, as the CXI format has it",
			fmt.Sprintf("write %.6g if these are eV", joules*joulesPerEV))
	case joules > 0:
		r.Facts.EnergyEV = joules / joulesPerEV
	case wavelength > 0:
		r.Facts.EnergyEV = planckC / wavelength
	}
}

// cxiPixels reads the sizes of the detector's pixels. If they are missing, basis_vectors has the step to the next pixel
// along the axes of a pattern, rows first: (3, 2) with a column for each axis, or (2, 3) with a row for each.
func (r *reader) cxiPixels() {
	f := &r.Facts
	x, y := r.number(&f.DetectorPixelX, cxiDetector+"x_pixel_size"),
		r.number(&f.DetectorPixelY, cxiDetector+"y_pixel_size")
	if x && y && f.DetectorPixelX != 0 && f.DetectorPixelY != 0 {
		return
	}
	length := func(x, y, z float64) float64 { return math.Hypot(math.Hypot(x, y), z) }
	place, v, shape := r.values(cxiDetector + "basis_vectors")
	switch {
	case place == "":
	case len(shape) != 2 || len(v) != 6:
		r.fail(place, fmt.Sprintf("shape %v", shape), "(3, 2) or (2, 3)", "")
	case shape[0] == 3:
		f.DetectorPixelY, f.DetectorPixelX = length(v[0], v[2], v[4]), length(v[1], v[3], v[5])
	default:
		f.DetectorPixelY, f.DetectorPixelX = length(v[0], v[1], v[2]), length(v[3], v[4], v[5])
	}
}

// cxiDistance reads the detector's distance; if it is missing, that of the detector's corner.
func (r *reader) cxiDistance() {
	if r.number(&r.Facts.DistanceM, cxiDetector+"distance"); r.Facts.DistanceM != 0 {
		return
	}
	switch place, at, _ := r.values(cxiDetector + "corner_position"); {
	case place == "":
	case len(at) != 3:
		r.fail(place, fmt.Sprintf("%d values", len(at)), "x, y and z in metres", "")
	default:
		r.Facts.DistanceM = math.Abs(at[2])
	}
}

// cxiMask reads the detector's mask. The bit 0x1000 says that a pixel has a signal; every other bit names a fault. Of
// several masks, one for each pattern, a pixel is bad that is bad in any.
func (r *reader) cxiMask() {
	const hasSignal = 0x00001000
	place, a := r.find(cxiDetector + "mask")
	if a == nil {
		return
	}
	h, err := a.Header()
	r.keep(err)
	bits, err := a.Int64s()
	r.keep(err)
	if r.err != nil {
		return
	}
	if len(h.Shape) < 2 || len(bits) == 0 {
		r.fail(place, fmt.Sprintf("shape %v", h.Shape), "(H, W)", "")
		return
	}
	bad := ndarray.New[float32](h.Shape[len(h.Shape)-2:]...)
	for i, b := range bits {
		if b&^hasSignal != 0 {
			bad.Data[i%len(bad.Data)] = 1
		}
	}
	r.Facts.Bad = bad
}

// cxiResult takes the probe, and the object if the file states where it is. The format has no place for that, so
// programs keep it in a group of their own.
func (r *reader) cxiResult() {
	r.take(Probe, "entry_1/image_1/data", cxiSource+"illumination")
	group := r.first("entry_1/ptyx/", "entry_1/ptychodus/")
	if group == "" {
		return
	}
	f := &r.Facts
	f.SampleMotion = group != "entry_1/ptychodus/" // ptychodus takes the translations for the beam's
	r.number(&f.PixelX, group+"object_pixel_width_m")
	r.number(&f.PixelY, group+"object_pixel_height_m")
	r.take(PositionIndex, group+"probe_position_indexes")
	r.take(Object, "entry_1/image_2/data")
	if r.objectPlace(group); f.Origin == nil {
		delete(r.members, Object)
	}
}
