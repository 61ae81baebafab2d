package convert

import "ptyx/internal/format/render"

// PNG is a picture of amplitude and phase side by side, with colour bars.
const PNG Target = "png"

var png = target{PNG, "a picture", []string{".png"}, writePNG}

// writePNG draws the object's phase without its ramp.
func writePNG(w *writer) error {
	image, what, err := w.image()
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
