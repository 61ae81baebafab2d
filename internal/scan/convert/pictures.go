package convert

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/render"
	"ptyx/internal/format/tiff"
)

// picture is what is drawn: the object, or else the probe's first mode.
func (w *writer) picture() (image *ndarray.Complex64, what string, err error) {
	switch {
	case w.object != nil:
		image, what = w.object, "object"
	case w.probe != nil:
		image, what = ndarray.Wrap(w.probe.Data[:w.probe.Shape[1]*w.probe.Shape[2]], w.probe.Shape[1:]...), "probe"
	default:
		return nil, "", w.needs("neither an object nor a probe", "one of them, to be drawn", "give a reconstruction with --object-file")
	}
	if w.scan != nil {
		w.lost("the patterns")
	}
	w.said("amplitude and phase of the %s, %d x %d", what, image.Shape[0], image.Shape[1])
	return image, what, nil
}

// tiff writes amplitude and phase as two pages of floats: the phase as it is, in (-pi, pi].
func (w *writer) tiff() error {
	image, what, err := w.picture()
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

// png draws amplitude and phase side by side, with colour bars; the object's phase without its ramp.
func (w *writer) png() error {
	image, what, err := w.picture()
	if err != nil {
		return err
	}
	if what == "probe" {
		return render.Probe(w.path, image)
	}
	view := render.View{Row: w.row, Col: w.col}
	amplitude, err := render.AmplitudePanel(image, view)
	if err != nil {
		return err
	}
	phase, err := render.PhasePanel(image, view)
	if err != nil {
		return err
	}
	return render.Sheet(w.path, [][]render.Cell{{amplitude, phase}})
}
