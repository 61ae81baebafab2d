package simulate

import (
	"math"
	"math/rand/v2"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
	"ptyx/internal/scan/scenery"
)

// ObjectKind names a kind of sample.
type ObjectKind string

// The kinds of sample.
const (
	Star  ObjectKind = "star"  // Siemens star: every spatial frequency, sharp edges
	Lines ObjectKind = "lines" // crossing lines of random direction, as in PtychoPINN's simulations
	Blobs ObjectKind = "blobs" // random soft discs: cells, particles
)

// objects draw the relative thickness of the sample (h, w), 0 to 1.
var objects = table[ObjectKind, func(h, w int, rng *rand.Rand) []float64]{
	{Star, star}, {Lines, lines}, {Blobs, blobs},
}

// UnmarshalText reads a kind from a flag.
func (k *ObjectKind) UnmarshalText(text []byte) error { return objects.parse(text, k) }

// Object makes a sample of h x w pixels: exp(-absorption t) exp(i phase t) of its thickness t in 0..1. Amplitudes are
// in [exp(-absorption), 1], phases between 0 and phase radians.
func Object(kind ObjectKind, h, w int, absorption, phase float64, seed uint64) (*ndarray.Complex64, error) {
	thickness, err := objects.find(kind)
	if err != nil {
		return nil, err
	}
	object := ndarray.New[complex64](h, w)
	for i, v := range thickness(h, w, stream.New(seed, "simulate/object")) {
		sin, cos := math.Sincos(phase * v)
		a := math.Exp(-absorption * v)
		object.Data[i] = complex(float32(a*cos), float32(a*sin))
	}
	return object, nil
}

// star is a Siemens star of 36 spokes with concentric gaps, centred.
func star(h, w int, _ *rand.Rand) []float64 {
	c := scenery.NewCanvas(h, w)
	c.Star(float64(h-1)/2, float64(w-1)/2, 0.48*math.Min(float64(h), float64(w)), 36, 4, scenery.Add(1))
	return c.Data
}

// lines are about one line for every 12 pixels of the mean side, of random place, direction, width and thickness.
func lines(h, w int, rng *rand.Rand) []float64 {
	c := scenery.NewCanvas(h, w)
	for range (h + w) / 24 {
		angle := rng.Float64() * math.Pi
		py, px := rng.Float64()*float64(h), rng.Float64()*float64(w)
		half, weight := 0.75+2.25*rng.Float64(), 0.25+0.5*rng.Float64()
		c.Line(py, px, angle, half, scenery.Add(weight))
	}
	c.Saturate()
	return c.Data
}

// blobs are soft discs of 2 to 12 pixels' radius that cover about half of the field.
func blobs(h, w int, rng *rand.Rand) []float64 {
	c := scenery.NewCanvas(h, w)
	for range h * w / 250 {
		cy, cx := rng.Float64()*float64(h), rng.Float64()*float64(w)
		radius, weight := 2+10*rng.Float64()*rng.Float64(), 0.2+0.6*rng.Float64()
		c.Disc(cy, cx, radius, scenery.Add(weight))
	}
	c.Saturate()
	return c.Data
}
