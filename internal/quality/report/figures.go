package report

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/render"
)

// Figure is a picture with its colour bar and, of objects, its scale bar.
type Figure struct {
	Title, Unit, Caption string
	Image, Bar           template.URL
	Width, Height        int // pixels of the image
	Marks                []Mark
	Scale                *Scale
}

// Mark is a label at the colour bar.
type Mark struct {
	At    float64 // percent from the low end
	Label string
}

// Scale is the scale bar: a share of the picture's width, in percent, and what that is.
type Scale struct {
	Share float64
	Label string
}

// Comparison is a measured pattern beside its prediction.
type Comparison struct {
	Title   string
	Figures []Figure
}

// widest is the longest side of a picture in the page, in pixels; larger objects are reduced.
const widest = 1024

// figure turns a panel into a figure.
func figure(p *render.Panel, title, caption string) (Figure, error) {
	f := Figure{Title: title, Unit: p.Label, Caption: caption, Width: p.W, Height: p.H}
	image, err := p.Raster(widest)
	if err != nil {
		return f, err
	}
	bar, err := p.Map.Bar()
	if err != nil {
		return f, err
	}
	f.Image, f.Bar = dataURL(image), dataURL(bar)
	for _, t := range render.Ticks(p.Low, p.High) {
		f.Marks = append(f.Marks, Mark{At: 100 * (t.Value - p.Low) / (p.High - p.Low), Label: t.Label})
	}
	if p.Map == render.Cyclic {
		f.Marks = []Mark{{0, "−π"}, {25, "−π/2"}, {50, "0"}, {75, "π/2"}, {100, "π"}}
	}
	return f, nil
}

func dataURL(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
}

// scaleBar is a bar of a round length, about a fifth of width pixels; in nm or µm if the pixel's width is known.
func scaleBar(width int, pixelNM float64) *Scale {
	unit, pixel := "pixels", 1.0
	if pixelNM > 0 {
		unit, pixel = "nm", pixelNM
	}
	full := float64(width) * pixel
	length := math.Pow(10, math.Floor(math.Log10(full/4)))
	for _, factor := range []float64{5, 2} {
		if factor*length <= full/4 {
			length *= factor
			break
		}
	}
	s := &Scale{Share: 100 * length / full, Label: fmt.Sprintf("%.4g %s", length, unit)}
	if unit == "nm" && length >= 1000 {
		s.Label = fmt.Sprintf("%.4g µm", length/1000)
	}
	return s
}

// drawing is a row in the table of figures.
type drawing struct {
	section        *[]Figure
	title, caption string
	draw           func() (*render.Panel, error) // (nil, nil): the figure has nothing to add
}

// subject is what the pictures of a page show. A part that is nil has no picture.
type subject struct {
	object           *ndarray.Complex64 // (H, W)
	coverage, spread *ndarray.Float32   // (H, W)
	row, col         int                // of object[0, 0] in the scan's frame
	misfit           *ndarray.Float32   // (H, W), residual of the nearest pattern; 0: none is near
	resolution       *ndarray.Float32   // (H, W), half period in pixels; 0: unknown
	modes            []mode             // of the probe
	pixelNM          float64            // width of the object's pixel in nm; 0: unknown

	spreadNote, probeNote string // captions
	probeUnit             string
}

// mode is a mode of the probe, (N, N).
type mode struct {
	probe *ndarray.Complex64
	name  string // before the names of its pictures; empty for the only one
	note  string // its share of the light
}

// modesOf cuts a probe (N, N) or (K, N, N) into its modes; none without a probe.
func modesOf(probe *ndarray.Complex64) []mode {
	if probe == nil {
		return nil
	}
	n := probe.Shape[len(probe.Shape)-1]
	size := n * n
	powers, all := make([]float64, len(probe.Data)/size), 0.0
	for i, v := range probe.Data {
		p := float64(real(v))*float64(real(v)) + float64(imag(v))*float64(imag(v))
		powers[i/size], all = powers[i/size]+p, all+p
	}
	modes := make([]mode, len(powers))
	for k := range modes {
		modes[k].probe = ndarray.Wrap(probe.Data[k*size:(k+1)*size], n, n)
		if len(modes) > 1 {
			modes[k].name = fmt.Sprintf("mode %d, ", k+1)
			modes[k].note = fmt.Sprintf("%.3g %% of the light. ", 100*powers[k]/max(all, math.SmallestNonzeroFloat64))
		}
	}
	return modes
}

// drawings is the table of figures of the object and the probe, in the order of the page. To add a figure, add its row.
func (p *Page) drawings(s subject) []drawing {
	view := render.View{Row: s.row, Col: s.col, Coverage: s.coverage}
	phase := func() (*render.Panel, error) {
		p, err := render.PhasePanel(s.object, view)
		if err == nil {
			p.Label = "rad"
		}
		return p, err
	}
	list := []drawing{
		{&p.Object, "amplitude", "Transmission of the object. Grey-blue: not seen.", func() (*render.Panel, error) {
			p, err := render.AmplitudePanel(s.object, view)
			if err == nil {
				p.Label = "" // the title says it
			}
			return p, err
		}},
		{&p.Object, "phase", "On the whole circle; a ramp and the mean, which diffraction cannot see, are removed.",
			func() (*render.Panel, error) {
				p, err := phase()
				if err != nil {
					return nil, err
				}
				return p.Wrapped(), nil
			}},
		{&p.Object, "phase, stretched", "The same, from its 1st to its 99th percentile: it does not wrap.",
			func() (*render.Panel, error) {
				p, err := phase()
				if err != nil || p.Map == render.Cyclic {
					return nil, err
				}
				return p, nil
			}},
		{&p.Trust, "coverage", "How much light each pixel has seen.", func() (*render.Panel, error) {
			if s.coverage == nil {
				return nil, nil
			}
			return render.MapPanel(s.coverage, render.View{Row: s.row, Col: s.col}, "patches at the probe's peak")
		}},
		{&p.Trust, "spread", s.spreadNote, func() (*render.Panel, error) {
			if s.spread == nil {
				return nil, nil
			}
			return render.MapPanel(s.spread, view, "of the object's unit")
		}},
		{&p.Trust, "residual of each pattern", "At the pattern's position: sum (|F| − d)² / sum d². An area that " +
			"stands out was lit, placed or measured otherwise.", func() (*render.Panel, error) {
			if s.misfit == nil {
				return nil, nil
			}
			return positivePanel(s.misfit, s.row, s.col, "of the pattern's intensity")
		}},
		{&p.Trust, "local resolution", "Half period at which two halves of the scan fall to half a bit, in " +
			"overlapping tiles.", func() (*render.Panel, error) {
			if s.resolution == nil {
				return nil, nil
			}
			return positivePanel(s.resolution, s.row, s.col, "pixels")
		}},
	}
	for _, m := range s.modes {
		list = append(list,
			drawing{&p.Probe, m.name + "amplitude", m.note + s.probeNote, func() (*render.Panel, error) {
				return amplitudeOf(m.probe, s.probeUnit)
			}},
			drawing{&p.Probe, m.name + "phase",
				"Grey-blue: darker than a hundredth of the peak's intensity, where the phase is noise.",
				func() (*render.Panel, error) { return phaseOf(m.probe), nil }})
	}
	return list
}

// positivePanel shows a map (H, W) that is 0 where nothing is known.
func positivePanel(values *ndarray.Float32, row, col int, unit string) (*render.Panel, error) {
	panel, err := render.MapPanel(values, render.View{Row: row, Col: col}, unit)
	if err != nil {
		return nil, err
	}
	panel.OnlyPositive()
	return panel, nil
}

// draw makes the figures of the object and the probe, with scale bars.
func (p *Page) draw(s subject) error {
	for _, d := range p.drawings(s) {
		panel, err := d.draw()
		if err != nil {
			return fmt.Errorf("drawing the report: %w", err)
		}
		if panel == nil {
			continue
		}
		f, err := figure(panel, d.title, d.caption)
		if err != nil {
			return fmt.Errorf("drawing the report: %w", err)
		}
		f.Scale = scaleBar(f.Width, s.pixelNM)
		*d.section = append(*d.section, f)
	}
	return nil
}

// amplitudeOf is the probe's amplitude from 0 to its peak.
func amplitudeOf(probe *ndarray.Complex64, unit string) (*render.Panel, error) {
	p, err := render.AmplitudePanel(probe, render.View{})
	if err != nil {
		return nil, err
	}
	p.Low, p.High, p.Label = 0, max(slices.Max(p.Values), math.SmallestNonzeroFloat32), unit
	return p, nil
}

// phaseOf is the probe's phase where it is bright.
func phaseOf(probe *ndarray.Complex64) *render.Panel {
	n := len(probe.Data)
	p := &render.Panel{
		H: probe.Shape[0], W: probe.Shape[1], Values: make([]float64, n), Shown: make([]bool, n), Label: "rad",
	}
	moduli := make([]float64, n)
	for i, v := range probe.Data {
		re, im := float64(real(v)), float64(imag(v))
		moduli[i], p.Values[i] = math.Hypot(re, im), math.Atan2(im, re)
	}
	bright := slices.Max(moduli) / 10 // of the intensity, a hundredth
	for i, m := range moduli {
		p.Shown[i] = m >= bright
	}
	return p.Wrapped()
}

// comparisons draws the best, the middle and the worst of sorted predictions.
func comparisons(sorted []prediction) ([]Comparison, error) {
	if len(sorted) == 0 {
		return nil, nil
	}
	var out []Comparison
	for _, c := range []struct {
		name string
		at   int
	}{{"best explained", 0}, {"middle", len(sorted) / 2}, {"worst explained", len(sorted) - 1}} {
		p := sorted[c.at]
		figures, err := compared(p)
		if err != nil {
			return nil, err
		}
		title := fmt.Sprintf("%s: pattern %d, misfit %.3g", c.name, p.id, p.misfit)
		out = append(out, Comparison{Title: title, Figures: figures})
	}
	return out, nil
}

// compared draws a pattern, its prediction on the same scale, and their difference in standard deviations.
func compared(p prediction) ([]Figure, error) {
	n := int(math.Sqrt(float64(len(p.measured))))
	measured, predicted, difference := photons(p.measured), photons(p.predicted), make([]float64, n*n)
	for i := range difference {
		difference[i] = 2 * (float64(p.predicted[i]) - float64(p.measured[i]))
	}
	top := max(slices.Max(measured), math.SmallestNonzeroFloat64)
	var figures []Figure
	for _, d := range []struct {
		title, unit string
		values      []float64
		colours     render.Colormap
		low, high   float64
	}{
		{"measured", "log₁₀(1 + photons)", measured, render.Sequential, 0, top},
		{"predicted", "log₁₀(1 + photons)", predicted, render.Sequential, 0, top},
		{"difference", "standard deviations", difference, render.Diverging, -deviations, deviations},
	} {
		panel := &render.Panel{H: n, W: n, Values: d.values, Map: d.colours, Low: d.low, High: d.high, Label: d.unit}
		f, err := figure(panel, d.title, "")
		if err != nil {
			return nil, err
		}
		figures = append(figures, f)
	}
	return figures, nil
}

// deviations is the range of differences shown. The square root of a photon count has a standard deviation of 1/2, so a
// difference is 2 (|F| - d) standard deviations.
const deviations = 5

// photons is log10(1 + d^2) of amplitudes.
func photons(amplitudes []float32) []float64 {
	out := make([]float64, len(amplitudes))
	for i, d := range amplitudes {
		out[i] = math.Log10(1 + float64(d)*float64(d))
	}
	return out
}
