// Command samples draws the contact sheet of docs/experiments.md for `make samples`: three simulated training samples
// of each kind of object, with the kinds of object and probe, photons and width.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"math/cmplx"
	"os"

	"golang.org/x/image/font"
	"golang.org/x/image/font/basicfont"
	"golang.org/x/image/math/fixed"

	"ptyx/internal/base/destination"
	"ptyx/internal/format/render"
	"ptyx/internal/scan/experiments"
)

// Sizes in pixels of the sheet.
const (
	side    = 96 // of a picture, which has a pixel for each of the sample's
	gap     = 4
	caption = 16
	across  = 3 // samples of one kind of object
	tiles   = 4 // pictures of a sample
	wide    = tiles*(side+gap) + 2*gap
	high    = side + caption + gap
)

func main() {
	path := flag.String("out", "docs/experiments.png", "the picture")
	seed := flag.Uint64("seed", 1, "seed of the samples")
	flag.Parse()
	if err := run(*path, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "samples:", err)
		os.Exit(1)
	}
}

func run(path string, seed uint64) error {
	kinds := experiments.All()
	sheet := image.NewRGBA(image.Rect(0, 0, across*wide, len(kinds.Objects)*high))
	draw.Draw(sheet, sheet.Rect, image.White, image.Point{}, draw.Src)
	var s experiments.Sample
	group := []*experiments.Sample{&s}
	for row, kind := range kinds.Objects {
		g := experiments.New(seed, experiments.Kinds{Objects: []string{kind}, Probes: kinds.Probes})
		for column := range across {
			g.Fill(uint64(row*across+column), side, group)
			if err := show(sheet, image.Pt(column*wide, row*high), &s); err != nil {
				return err
			}
		}
	}
	var encoded bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&encoded, sheet); err != nil {
		return err
	}
	return destination.WriteFile(path, encoded.Bytes(), 0o644)
}

// show draws a sample at a place of the sheet.
func show(sheet *image.RGBA, at image.Point, s *experiments.Sample) error {
	write(sheet, at.Add(image.Pt(gap, caption-4)),
		fmt.Sprintf("%s, %s %.0f px, %.0e photons", s.ObjectKind, s.ProbeKind, s.Width, s.Photons))
	for i, p := range pictures(s) {
		raw, err := p.Raster(side)
		if err != nil {
			return err
		}
		tile, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			return err
		}
		place := image.Rect(0, 0, side, side).Add(at).Add(image.Pt(gap+i*(side+gap), caption))
		draw.Draw(sheet, place, tile, image.Point{}, draw.Src)
	}
	return nil
}

func write(sheet *image.RGBA, at image.Point, text string) {
	d := font.Drawer{
		Dst: sheet, Src: image.NewUniform(color.Black), Face: basicfont.Face7x13, Dot: fixed.P(at.X, at.Y),
	}
	d.DrawString(text)
}

// pictures are the object's amplitude and phase, the probe's amplitude and the logarithm of the pattern.
func pictures(s *experiments.Sample) [tiles]*render.Panel {
	pixels := len(s.Object)
	amplitude, phase := make([]float64, pixels), make([]float64, pixels)
	probe, pattern := make([]float64, pixels), make([]float64, pixels)
	most := 0.0
	for i, v := range s.Object {
		amplitude[i], phase[i] = cmplx.Polar(complex128(v))
		probe[i] = cmplx.Abs(complex128(s.Probe[i]))
		pattern[i] = math.Log1p(float64(s.Amplitude[i] * s.Amplitude[i]))
		most = max(most, amplitude[i])
	}
	return [tiles]*render.Panel{
		panel(amplitude, render.Grey, 0, most), panel(phase, render.Cyclic, -math.Pi, math.Pi),
		panel(probe, render.Sequential, 0, 0), panel(pattern, render.Sequential, 0, 0),
	}
}

// panel is a picture over a range, by default that of its values.
func panel(values []float64, colours render.Colormap, low, high float64) *render.Panel {
	if low == high {
		low, high = render.RobustRange(values, nil)
	}
	return &render.Panel{H: side, W: side, Values: values, Map: colours, Low: low, High: high}
}
