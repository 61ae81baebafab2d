package convert

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/tiff"
)

// TIFF is a file of amplitude and phase as two pages of floats.
const TIFF Target = "tiff"

var tiffImages = target{TIFF, "a TIFF file", []string{".tif", ".tiff"}, writeTIFF}

// writeTIFF writes the phase as it is, in (-pi, pi].
func writeTIFF(w *writer) error {
	image, what, err := w.image()
	if err != nil {
		return err
	}
	amplitude, phase := ndarray.New[float32](image.Shape...), ndarray.New[float32](image.Shape...)
	for i, v := range image.Data {
		re, im := float64(real(v)), float64(imag(v))
		amplitude.Data[i], phase.Data[i] = float32(math.Hypot(re, im)), float32(math.Atan2(im, re))
	}
	g := w.geometry
	return tiff.Write(w.path, []tiff.Page{
		{Name: what + " amplitude", Image: amplitude, WidthM: g.PixelX, HeightM: g.PixelY},
		{Name: what + " phase (rad)", Image: phase, WidthM: g.PixelX, HeightM: g.PixelY},
	})
}

// image is what is drawn: the object, or else the probe's first mode.
func (w *writer) image() (image *ndarray.Complex64, what string, err error) {
	switch {
	case w.object != nil:
		image, what = w.object, "object"
	case w.probe != nil:
		n := w.probe.Shape[1:]
		image, what = ndarray.Wrap(w.probe.Data[:n[0]*n[1]], n...), "probe"
	default:
		return nil, "", w.missing("neither an object nor a probe", "one of them to draw",
			"give a reconstruction as --object-file")
	}
	if w.scan != nil {
		w.leaveOut("the patterns")
	}
	w.note("amplitude and phase of the %s, %d x %d", what, image.Shape[0], image.Shape[1])
	return image, what, nil
}
