package convert

import (
	"errors"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/format/hdf5"
	"ptyx/internal/scan/source"
)

// cxi writes a file of the Coherent X-ray Imaging Data Bank, version 1.6: counts, energy in joules, translations of the sample in
// metres, which are the opposite of the beam's, and, if there is a result, the probe as image_1 and the object as image_2. Where the
// object lies has no place in the format; it is noted in a group ptyx.
func (w *writer) cxi() error {
	if w.scan == nil {
		if err := w.needResult("a CXI file without patterns"); err != nil {
			return err
		}
	}
	if err := w.needPixel(); err != nil {
		return err
	}
	return w.hdf5(func(f *hdf5.Writer) error {
		for _, step := range []func(f *hdf5.Writer) error{w.cxiHead, w.cxiInstrument, w.cxiTranslation, w.cxiImages, w.cxiNote} {
			if err := step(f); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *writer) cxiHead(f *hdf5.Writer) error {
	return errors.Join(
		f.Put("cxi_version", int64(160)), f.Put("number_of_entries", int64(1)),
		f.Put("entry_1/title", w.name()), f.Put("entry_1/sample_1/name", w.name()),
	)
}

// cxiInstrument writes source and detector, as far as they are known.
func (w *writer) cxiInstrument(f *hdf5.Writer) error {
	const lightSource, detector = "entry_1/instrument_1/source_1/", "entry_1/instrument_1/detector_1/"
	if err := errors.Join(f.Group(lightSource), f.Group(detector)); err != nil {
		return err
	}
	g := w.geometry
	var errs []error
	known := func(path string, v float64) {
		if v != 0 {
			errs = append(errs, f.Put(path, v))
		}
	}
	if g.EnergyEV != 0 {
		known(lightSource+"energy", source.Joules(g.EnergyEV))
		known(lightSource+"wavelength", source.Wavelength(g.EnergyEV))
	}
	known(detector+"distance", g.DistanceM)
	known(detector+"x_pixel_size", g.DetectorPixelX)
	known(detector+"y_pixel_size", g.DetectorPixelY)
	if w.scan != nil {
		errs = append(errs, put(f, detector+"data", w.counts()), f.Attribute(detector+"data", "axes", "translation:y:x"),
			f.Link("entry_1/data_1/data", "/"+detector+"data"))
		w.said("%d patterns of %d x %d", w.scan.M, w.scan.N, w.scan.N)
	}
	return errors.Join(errs...)
}

func (w *writer) cxiTranslation(f *hdf5.Writer) error {
	const geometry = "entry_1/sample_1/geometry_1/translation"
	x, y := w.metres()
	t := &hdf5.Doubles{Shape: []int{len(x), 3}, Data: make([]float64, 0, 3*len(x))}
	for i := range x {
		t.Data = append(t.Data, -x[i], -y[i], 0)
	}
	w.said("%d positions, of the sample", len(x))
	return errors.Join(f.Put(geometry, t), f.Link("entry_1/data_1/translation", "/"+geometry))
}

// cxiImages writes probe and object.
func (w *writer) cxiImages(f *hdf5.Writer) error {
	image := func(path string, a *ndarray.Complex64, axes string) error {
		h, width := a.Shape[len(a.Shape)-2], a.Shape[len(a.Shape)-1]
		return errors.Join(
			f.Put(path+"/data", a), f.Attribute(path+"/data", "axes", axes), f.Put(path+"/data_space", "real"), f.Put(path+"/data_type", "amplitude"),
			f.Put(path+"/image_size", []float64{float64(width) * w.geometry.PixelX, float64(h) * w.geometry.PixelY, 0}),
			f.Link(path+"/source_1", "/entry_1/instrument_1/source_1"), f.Link(path+"/detector_1", "/entry_1/instrument_1/detector_1"),
		)
	}
	if w.probe != nil {
		if err := image("entry_1/image_1", w.probe, "mode:y:x"); err != nil {
			return err
		}
		if err := f.Link("entry_1/instrument_1/source_1/illumination", "/entry_1/image_1/data"); err != nil {
			return err
		}
		w.said("a probe of %d x %d", w.probe.Shape[1], w.probe.Shape[2])
	}
	if w.object == nil {
		return nil
	}
	w.said("an object of %d x %d", w.object.Shape[0], w.object.Shape[1])
	return image("entry_1/image_2", w.object, "y:x")
}

// cxiNote says who wrote the file, and where the object lies under the beam.
func (w *writer) cxiNote(f *hdf5.Writer) error {
	at := w.corner()
	return errors.Join(
		f.Put("entry_1/process_1/program", "ptyx"), f.Put("entry_1/process_1/version", version.String),
		f.Put("entry_1/ptyx/object_pixel_width_m", w.geometry.PixelX), f.Put("entry_1/ptyx/object_pixel_height_m", w.geometry.PixelY),
		f.Put("entry_1/ptyx/object_origin_x_m", at.X), f.Put("entry_1/ptyx/object_origin_y_m", at.Y),
		f.Put("entry_1/ptyx/probe_position_indexes", w.index),
	)
}
