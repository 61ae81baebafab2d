package source

import (
	"fmt"
	"math"

	"ptyx/internal/base/ndarray"
)

// joulesPerEV is the charge of an electron, exact since 2019.
const joulesPerEV = 1.602176634e-19

// planckC is h c in eV m, of exact constants.
const planckC = 6.62607015e-34 * 299792458 / joulesPerEV

// Wavelength is that of photons of an energy in eV, in metres.
func Wavelength(energyEV float64) float64 { return planckC / energyEV }

// Joules is an energy in J.
func Joules(energyEV float64) float64 { return energyEV * joulesPerEV }

const (
	cxiDetector = "entry_1/instrument_1/detector_1/"
	cxiSource   = "entry_1/instrument_1/source_1/"
)

// cxi recognises a file of the Coherent X-ray Imaging Data Bank: counts, energies in joules, positions of the sample in metres.
// Where ptyx and ptychodus keep a result, image_1 is the probe and image_2 the object.
func (c *container) cxi() (bool, error) {
	there, err := c.file.Has("entry_1")
	if err != nil || !there {
		return false, err
	}
	c.facts.Format, c.facts.Kind, c.facts.SampleMotion = "CXI", Counts, true
	for _, step := range []func() error{
		func() error { return c.take(Patterns, "entry_1/data_1/data", cxiDetector+"data") },
		func() error { return c.take(FrameIDs, "entry_1/data_1/ids", FrameIDs) },
		c.cxiPositions, c.cxiOptics, c.cxiPixels, c.cxiMask, c.cxiDark, c.cxiImages,
	} {
		if err := step(); err != nil {
			return true, err
		}
	}
	return true, nil
}

// cxiPositions reads the translations of the sample.
func (c *container) cxiPositions() error {
	for _, path := range []string{"entry_1/data_1/translation", "entry_1/sample_1/geometry_1/translation", "entry_1/sample_1/geometry/translation", cxiDetector + "translation"} {
		there, err := c.file.Has(path)
		if err != nil {
			return err
		}
		if there {
			return c.pairs(path, 1, true)
		}
	}
	return nil
}

// cxiOptics reads the photons' energy and the detector's distance.
func (c *container) cxiOptics() error {
	f := &c.facts
	var joules, wavelength float64
	if err := c.scalar(&joules, cxiSource+"energy"); err != nil {
		return err
	}
	if err := c.scalar(&wavelength, cxiSource+"wavelength"); err != nil {
		return err
	}
	switch {
	case joules > 1e-6: // 6e12 eV: no photon that a lens has seen
		return c.fault(cxiSource+"energy", fmt.Sprint(joules), "joules, as the CXI format has it", fmt.Sprintf("write %.6g if these are eV", joules*joulesPerEV))
	case joules > 0:
		f.EnergyEV = joules / joulesPerEV
	case wavelength > 0:
		f.EnergyEV = planckC / wavelength
	}
	return c.scalar(&f.DistanceM, cxiDetector+"distance")
}

// cxiPixels reads the detector's pixels: their sizes, or the vectors from one to the next along the axes of a pattern. Where the
// distance is not given it is that of a corner.
func (c *container) cxiPixels() error {
	f := &c.facts
	if err := c.scalar(&f.DetectorPixelX, cxiDetector+"x_pixel_size"); err != nil {
		return err
	}
	if err := c.scalar(&f.DetectorPixelY, cxiDetector+"y_pixel_size"); err != nil {
		return err
	}
	if err := c.cxiBasis(); err != nil {
		return err
	}
	corner := cxiDetector + "corner_position"
	there, err := c.file.Has(corner)
	if err != nil || !there || f.DistanceM != 0 {
		return err
	}
	d, err := c.file.Dataset(corner)
	if err != nil {
		return err
	}
	at, err := d.Float64s()
	if err != nil {
		return err
	}
	if len(at) != 3 {
		return c.fault(corner, fmt.Sprintf("%d values", len(at)), "x, y and z in metres", "")
	}
	f.DistanceM = max(at[2], -at[2])
	return nil
}

// cxiBasis reads basis_vectors, (3, 2) with a column for each axis of the pattern (rows first), or (2, 3) with a row for each.
func (c *container) cxiBasis() error {
	f := &c.facts
	path := cxiDetector + "basis_vectors"
	there, err := c.file.Has(path)
	if err != nil || !there || f.DetectorPixelX != 0 && f.DetectorPixelY != 0 {
		return err
	}
	d, err := c.file.Dataset(path)
	if err != nil {
		return err
	}
	v, err := d.Float64s()
	if err != nil {
		return err
	}
	if len(d.Shape) != 2 || len(v) != 6 {
		return c.fault(path, fmt.Sprintf("shape %v", d.Shape), "(3, 2) or (2, 3)", "")
	}
	component := func(axis, i int) float64 { // of the vector along an axis of the pattern
		if d.Shape[0] == 3 {
			return v[2*i+axis]
		}
		return v[3*axis+i]
	}
	length := func(axis int) float64 {
		return math.Hypot(math.Hypot(component(axis, 0), component(axis, 1)), component(axis, 2))
	}
	f.DetectorPixelY, f.DetectorPixelX = length(0), length(1)
	return nil
}

// cxiMask reads the detector's mask: 0 is good, and so is a pixel of which only the bit 0x1000 is set, which says that it has a
// signal; every other bit names something wrong.
func (c *container) cxiMask() error {
	const hasSignal = 0x00001000
	path, d, err := c.find(cxiDetector + "mask")
	if err != nil || d == nil {
		return err
	}
	bits, err := d.Int64s()
	if err != nil {
		return err
	}
	if len(d.Shape) < 2 || len(bits) == 0 {
		return c.fault(path, fmt.Sprintf("shape %v", d.Shape), "(H, W)", "")
	}
	// Of several masks, one for each pattern, a pixel is bad that is bad in any.
	c.facts.Bad = ndarray.New[float32](d.Shape[len(d.Shape)-2:]...)
	for i, b := range bits {
		if b&^hasSignal != 0 {
			c.facts.Bad.Data[i%len(c.facts.Bad.Data)] = 1
		}
	}
	return nil
}

// cxiDark reads the detector's counts without light.
func (c *container) cxiDark() (err error) {
	c.facts.Dark, err = c.image(cxiDetector + "data_dark")
	return err
}

// cxiImages takes the probe, and the object where the file says where it lies: there is no place for that in the format, so that
// programs keep it in a group of their own.
func (c *container) cxiImages() error {
	if err := c.take(Probe, "entry_1/image_1/data", cxiSource+"illumination"); err != nil {
		return err
	}
	for _, group := range []string{"entry_1/ptyx/", "entry_1/ptychodus/"} {
		there, err := c.file.Has(group)
		if err != nil {
			return err
		}
		if there {
			return c.cxiResult(group)
		}
	}
	return nil
}

// cxiResult reads what ptyx and ptychodus note of a result. ptychodus notes the object's centre, ptyx its first pixel; and ptychodus
// takes the translations of a CXI file for the beam's.
func (c *container) cxiResult(group string) error {
	f := &c.facts
	f.SampleMotion = group != "entry_1/ptychodus/"
	var corner, centre Point
	var hasCorner, hasCentre bool
	for _, n := range []struct {
		into    *float64
		name    string
		present *bool
	}{
		{&f.PixelX, "object_pixel_width_m", nil}, {&f.PixelY, "object_pixel_height_m", nil},
		{&corner.X, "object_origin_x_m", &hasCorner}, {&corner.Y, "object_origin_y_m", nil},
		{&centre.X, "object_center_x_m", &hasCentre}, {&centre.Y, "object_center_y_m", nil},
	} {
		there, err := c.file.Has(group + n.name)
		if err != nil {
			return err
		}
		if n.present != nil {
			*n.present = there
		}
		if err := c.scalar(n.into, group+n.name); err != nil {
			return err
		}
	}
	if err := c.take(PositionIndex, group+"probe_position_indexes"); err != nil {
		return err
	}
	const object = "entry_1/image_2/data"
	if hasCorner {
		f.Origin = &corner
		return c.take(Object, object)
	}
	if !hasCentre {
		return nil
	}
	if err := c.take(Object, object); err != nil || !c.Has(Object) {
		return err
	}
	f.Origin = origin(centre, *f, c.members[Object].dataset.Shape)
	return nil
}
