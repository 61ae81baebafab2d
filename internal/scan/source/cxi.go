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
	read: func(s *Source) error {
		s.Facts.Kind, s.Facts.SampleMotion = Counts, true
		if err := s.take(Patterns, "entry_1/data_1/data", cxiDetector+"data"); err != nil {
			return err
		}
		if err := s.take(FrameIDs, "entry_1/data_1/ids", FrameIDs); err != nil {
			return err
		}
		for _, step := range []func(*Source) error{cxiPositions, cxiBeam, cxiPixels, cxiDistance, cxiMask, cxiImages} {
			if err := step(s); err != nil {
				return err
			}
		}
		var err error
		s.Facts.Dark, err = s.image(cxiDetector + "data_dark")
		return err
	},
}

const (
	cxiDetector = "entry_1/instrument_1/detector_1/"
	cxiSource   = "entry_1/instrument_1/source_1/"
)

// cxiPositions reads the translations of the sample.
func cxiPositions(s *Source) error {
	path, err := s.first("entry_1/data_1/translation", "entry_1/sample_1/geometry_1/translation",
		"entry_1/sample_1/geometry/translation", cxiDetector+"translation")
	if err != nil || path == "" {
		return err
	}
	return s.points(path, 1, true)
}

// cxiBeam reads the photon energy.
func cxiBeam(s *Source) error {
	var joules, wavelength float64
	if err := s.numbers(
		number{&joules, cxiSource + "energy"}, number{&wavelength, cxiSource + "wavelength"},
	); err != nil {
		return err
	}
	switch {
	case joules > 1e-6: // 6e12 eV: no lens focuses such photons
		return s.Fault(cxiSource+"energy", fmt.Sprint(joules), "joules, as the CXI format has it",
			fmt.Sprintf("write %.6g if these are eV", joules*joulesPerEV))
	case joules > 0:
		s.Facts.EnergyEV = joules / joulesPerEV
	case wavelength > 0:
		s.Facts.EnergyEV = planckC / wavelength
	}
	return nil
}

// cxiPixels reads the sizes of the detector's pixels. If they are missing, basis_vectors has the step to the next pixel
// along the axes of a pattern, rows first: (3, 2) with a column for each axis, or (2, 3) with a row for each.
func cxiPixels(s *Source) error {
	f := &s.Facts
	if err := s.numbers(
		number{&f.DetectorPixelX, cxiDetector + "x_pixel_size"},
		number{&f.DetectorPixelY, cxiDetector + "y_pixel_size"},
	); err != nil {
		return err
	}
	if f.DetectorPixelX != 0 && f.DetectorPixelY != 0 {
		return nil
	}
	m, err := s.find(cxiDetector + "basis_vectors")
	if err != nil || m.place == "" {
		return err
	}
	h, err := m.Header()
	if err != nil {
		return err
	}
	v, err := m.Float64s()
	if err != nil {
		return err
	}
	if len(h.Shape) != 2 || len(v) != 6 {
		return s.Fault(m.place, fmt.Sprintf("shape %v", h.Shape), "(3, 2) or (2, 3)", "")
	}
	length := func(x, y, z float64) float64 { return math.Hypot(math.Hypot(x, y), z) }
	if h.Shape[0] == 3 {
		f.DetectorPixelY, f.DetectorPixelX = length(v[0], v[2], v[4]), length(v[1], v[3], v[5])
	} else {
		f.DetectorPixelY, f.DetectorPixelX = length(v[0], v[1], v[2]), length(v[3], v[4], v[5])
	}
	return nil
}

// cxiDistance reads the detector's distance; if it is missing, that of the detector's corner.
func cxiDistance(s *Source) error {
	f := &s.Facts
	if _, err := s.number(&f.DistanceM, cxiDetector+"distance"); err != nil || f.DistanceM != 0 {
		return err
	}
	m, err := s.find(cxiDetector + "corner_position")
	if err != nil || m.place == "" {
		return err
	}
	at, err := m.Float64s()
	if err != nil {
		return err
	}
	if len(at) != 3 {
		return s.Fault(m.place, fmt.Sprintf("%d values", len(at)), "x, y and z in metres", "")
	}
	f.DistanceM = math.Abs(at[2])
	return nil
}

// cxiMask reads the detector's mask. The bit 0x1000 says that a pixel has a signal; every other bit names a fault. Of
// several masks, one for each pattern, a pixel is bad that is bad in any.
func cxiMask(s *Source) error {
	const hasSignal = 0x00001000
	m, err := s.find(cxiDetector + "mask")
	if err != nil || m.place == "" {
		return err
	}
	h, err := m.Header()
	if err != nil {
		return err
	}
	bits, err := m.Int64s()
	if err != nil {
		return err
	}
	if len(h.Shape) < 2 || len(bits) == 0 {
		return s.Fault(m.place, fmt.Sprintf("shape %v", h.Shape), "(H, W)", "")
	}
	bad := ndarray.New[float32](h.Shape[len(h.Shape)-2:]...)
	for i, b := range bits {
		if b&^hasSignal != 0 {
			bad.Data[i%len(bad.Data)] = 1
		}
	}
	s.Facts.Bad = bad
	return nil
}

// cxiImages takes the probe, and the object if the file states where it is. The format has no place for that, so
// programs keep it in a group of their own.
func cxiImages(s *Source) error {
	if err := s.take(Probe, "entry_1/image_1/data", cxiSource+"illumination"); err != nil {
		return err
	}
	group, err := s.first("entry_1/ptyx/", "entry_1/ptychodus/")
	if err != nil || group == "" {
		return err
	}
	f := &s.Facts
	f.SampleMotion = group != "entry_1/ptychodus/" // which takes the translations for the beam's
	if err := s.numbers(
		number{&f.PixelX, group + "object_pixel_width_m"},
		number{&f.PixelY, group + "object_pixel_height_m"},
	); err != nil {
		return err
	}
	if err := s.take(PositionIndex, group+"probe_position_indexes"); err != nil {
		return err
	}
	if err := s.take(Object, "entry_1/image_2/data"); err != nil {
		return err
	}
	if err := s.objectPlace(group); err != nil {
		return err
	}
	if f.Origin == nil {
		delete(s.members, Object)
	}
	return nil
}
