package convert

import (
	"errors"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/scan/source"
)

// CXI is the format of the Coherent X-ray Imaging Data Bank, version 1.6.
const CXI Target = "cxi"

var cxi = target{CXI, "a CXI file", []string{".cxi", ".h5", ".hdf5"}, writeCXI}

const (
	cxiSource   = "entry_1/instrument_1/source_1"
	cxiDetector = "entry_1/instrument_1/detector_1"
)

// writeCXI writes counts, energy in joules, translations of the sample in metres, which are the opposite of the beam's,
// and, if there is a result, the probe as image_1 and the object as image_2. The format has no place for where the
// object is; a group ptyx holds that.
func writeCXI(w *writer) error {
	if w.scan == nil {
		if err := w.needResult("a CXI file without patterns"); err != nil {
			return err
		}
	}
	if err := w.needPixel(); err != nil {
		return err
	}
	return w.hdf5(func(f *hdf5.Writer) error {
		if err := errors.Join(
			f.Put("cxi_version", int64(160)), f.Put("number_of_entries", int64(1)),
			f.Put("entry_1/title", w.name()), f.Put("entry_1/sample_1/name", w.name()),
			w.cxiInstrument(f), w.cxiTranslation(f), w.cxiImages(f),
		); err != nil {
			return err
		}
		at, g := w.corner(), w.geometry
		return errors.Join(
			f.Put("entry_1/process_1/program", "ptyx"), f.Put("entry_1/process_1/version", version.String),
			f.Put("entry_1/ptyx/object_pixel_width_m", g.PixelX), f.Put("entry_1/ptyx/object_pixel_height_m", g.PixelY),
			f.Put("entry_1/ptyx/object_origin_x_m", at.X), f.Put("entry_1/ptyx/object_origin_y_m", at.Y),
			f.Put("entry_1/ptyx/probe_position_indexes", w.index),
		)
	})
}

// cxiInstrument writes source and detector, as far as they are known.
func (w *writer) cxiInstrument(f *hdf5.Writer) error {
	errs := []error{f.Group(cxiSource), f.Group(cxiDetector)}
	known := func(path string, v float64) {
		if v != 0 {
			errs = append(errs, f.Put(path, v))
		}
	}
	g := w.geometry
	if g.EnergyEV != 0 {
		known(cxiSource+"/energy", source.Joules(g.EnergyEV))
		known(cxiSource+"/wavelength", source.Wavelength(g.EnergyEV))
	}
	known(cxiDetector+"/distance", g.DistanceM)
	known(cxiDetector+"/x_pixel_size", g.DetectorPixelX)
	known(cxiDetector+"/y_pixel_size", g.DetectorPixelY)
	if w.scan != nil {
		const data = cxiDetector + "/data"
		errs = append(errs, put(f, data, w.counts()), f.Attribute(data, "axes", "translation:y:x"),
			f.Link("entry_1/data_1/data", "/"+data))
		w.note("%d patterns of %d x %d", w.scan.M, w.scan.N, w.scan.N)
	}
	return errors.Join(errs...)
}

func (w *writer) cxiTranslation(f *hdf5.Writer) error {
	const translation = "entry_1/sample_1/geometry_1/translation"
	x, y := w.metres()
	t := &hdf5.Doubles{Shape: []int{len(x), 3}, Data: make([]float64, 0, 3*len(x))}
	for i := range x {
		t.Data = append(t.Data, -x[i], -y[i], 0)
	}
	w.note("%d positions, of the sample", len(x))
	return errors.Join(f.Put(translation, t), f.Link("entry_1/data_1/translation", "/"+translation))
}

// cxiImages writes probe and object.
func (w *writer) cxiImages(f *hdf5.Writer) error {
	var errs []error
	image := func(path string, a *ndarray.Complex64, axes string) {
		h, width := a.Shape[len(a.Shape)-2], a.Shape[len(a.Shape)-1]
		errs = append(errs,
			f.Put(path+"/data", a), f.Attribute(path+"/data", "axes", axes),
			f.Put(path+"/data_space", "real"), f.Put(path+"/data_type", "amplitude"),
			f.Put(path+"/image_size", []float64{float64(width) * w.geometry.PixelX, float64(h) * w.geometry.PixelY, 0}),
			f.Link(path+"/source_1", "/"+cxiSource), f.Link(path+"/detector_1", "/"+cxiDetector))
	}
	if w.probe != nil {
		image("entry_1/image_1", w.probe, "mode:y:x")
		errs = append(errs, f.Link(cxiSource+"/illumination", "/entry_1/image_1/data"))
		w.note("a probe of %d x %d", w.probe.Shape[1], w.probe.Shape[2])
	}
	if w.object != nil {
		image("entry_1/image_2", w.object, "y:x")
		w.note("an object of %d x %d", w.object.Shape[0], w.object.Shape[1])
	}
	return errors.Join(errs...)
}
