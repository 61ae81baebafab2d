package experiments

import (
	"math"

	"ptyx/internal/physics/spectrum"
)

// objectKind is a kind of sample. draw paints relative thicknesses (n, n) between 0 and 1.
type objectKind struct {
	name    string
	share   float64 // of samples, relative to the other kinds
	heldOut bool
	draw    func(w *workspace, thickness []float64)
}

var objects = []objectKind{
	{"noise", 1, false, noise},
	{"discs", 1, false, discs},
	{"halves", 1, true, halves},
}

// paint makes the object.
func (w *workspace) paint(kind objectKind, into *Sample) {
	kind.draw(w, w.thickness[0])
	a, p := absorption.even(w.Rand)*w.Float64(), phase.log(w.Rand)
	for i, t := range w.thickness[0] {
		sin, cos := math.Sincos(p * t)
		m := 1 - a*t
		into.Object[i] = complex(float32(m*cos), float32(m*sin))
	}
}

// noise has a power spectrum that falls with a power of the frequency.
func noise(w *workspace, thickness []float64) {
	slope := 1 + 2*w.Float64()
	for i := range w.wave {
		k := math.Hypot(float64(spectrum.Frequency(i/w.n, w.n)), float64(spectrum.Frequency(i%w.n, w.n)))
		a := 0.0
		if k > 0 {
			a = math.Pow(k, -slope)
		}
		w.wave[i] = complex(a*w.NormFloat64(), a*w.NormFloat64())
	}
	w.far.Inverse(w.wave)
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range w.wave {
		low, high = min(low, real(v)), max(high, real(v))
	}
	for i, v := range w.wave {
		thickness[i] = (real(v) - low) / (high - low)
	}
}

// discs overlap.
func discs(w *workspace, thickness []float64) {
	clear(thickness)
	n := float64(w.n)
	for range 5 + w.IntN(40) {
		cy, cx, radius, t := n*w.Float64(), n*w.Float64(), n*within{0.02, 0.3}.log(w.Rand), w.Float64()
		for y := max(0, int(cy-radius)); y < min(w.n, int(cy+radius)+1); y++ {
			for x := max(0, int(cx-radius)); x < min(w.n, int(cx+radius)+1); x++ {
				if math.Hypot(float64(y)-cy, float64(x)-cx) < radius {
					thickness[y*w.n+x] = t
				}
			}
		}
	}
}

// halves are an edge.
func halves(w *workspace, thickness []float64) {
	sin, cos := math.Sincos(2 * math.Pi * w.Float64())
	d := float64(w.n) / 4 * w.NormFloat64()
	for i := range thickness {
		y, x := float64(i/w.n-w.n/2), float64(i%w.n-w.n/2)
		thickness[i] = min(1, max(0, x*cos+y*sin-d+0.5))
	}
}
