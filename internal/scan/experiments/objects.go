package experiments

import (
	"math"
	"math/cmplx"

	"ptyx/internal/scan/scenery"
)

// objectKind is a kind of sample.
type objectKind struct {
	name    string
	share   float64 // of samples, relative to the other kinds
	heldOut bool
	// draw paints relative thickness between 0 and 1 on a clear canvas. scale is the size of features in pixels.
	draw func(w *workspace, c *scenery.Canvas, scale float64)
}

// objects are the kinds of samples. Noise and shapes that cover each other have the larger shares, because both
// approach the statistics of natural images; the others have structures that chance does not make.
var objects = []objectKind{
	// Clouds of any roughness: tissue, soil, films.
	{"noise", 2, false, powerNoise},
	// Thickness that hardly varies under the probe.
	{"smooth", 1, false, smoothNoise},
	// Two phases of random shape: porous media, electrodes.
	{"binary", 1.5, false, binaryNoise},
	// Bent stripes of one width: magnetic domains, block copolymers.
	{"labyrinth", 1, false, labyrinth},
	// Opaque shapes of every size that cover each other.
	{"leaves", 2, false, leaves},
	// Cells with or without walls: grains, foams.
	{"voronoi", 1, true, voronoi},
	// Soft discs that add: cells, droplets.
	{"blobs", 1.5, false, blobs},
	// Sparse, of one size, on nothing.
	{"particles", 1.5, false, particles},
	// Straight lines of any direction: fibres, scratches.
	{"lines", 1, false, lines},
	// Siemens stars: every frequency, every direction.
	{"spokes", 1, false, spokes},
	// Stripes and checks: test patterns, crystals.
	{"grating", 0.7, false, grating},
	// Rectangles along two axes: chips.
	{"circuit", 1, true, circuit},
	// Strokes in rows: lettering, test patterns.
	{"text", 1, false, text},
	// One border between two media.
	{"edge", 0.8, false, edge},
	// A structured body on nothing.
	{"islands", 1, false, islands},
	// Beside the specimen.
	{"nothing", 0.2, false, func(*workspace, *scenery.Canvas, float64) {}},
}

// paint makes the object in the wave of the scene.
func (w *workspace) paint(kind objectKind) {
	w.area = w.scene
	scale := max(2, feature.log(w.Rand)*float64(w.n))
	sharp := sharpness.log(w.Rand)
	w.draw(kind, w.canvas[0], scale, sharp)
	thick := w.absorbing(kind, scale, sharp)
	turn, loss := sign(w.Rand)*phase.log(w.Rand), math.Log(1-absorption.even(w.Rand)) // of thickness 1
	switch u := w.Float64(); {
	case u < purePhase:
		loss = 0
	case u < purePhase+pureAbsorption:
		turn = 0
	}
	w.transmit(thick, turn, loss)
	if chance(w.Rand, inclined) {
		w.incline(ramp.even(w.Rand), ramp.even(w.Rand))
	}
}

// transmit writes the object exp(loss thick + i turn t) to the area's wave. Neighbours often are equally thick.
func (w *workspace) transmit(thick []float64, turn, loss float64) {
	lastT, lastThick, last := 0.0, 0.0, complex(1, 0)
	for i, t := range w.canvas[0].Data {
		if t != lastT || thick[i] != lastThick {
			lastT, lastThick, last = t, thick[i], cmplx.Rect(math.Exp(loss*thick[i]), turn*t)
		}
		w.area.wave[i] = last
	}
}

// draw paints a canvas, with roughness on some.
func (w *workspace) draw(kind objectKind, c *scenery.Canvas, scale, sharp float64) {
	clear(c.Data)
	c.Sharpness = sharp
	kind.draw(w, c, scale)
	if !chance(w.Rand, rough) {
		return
	}
	share := roughness.log(w.Rand)
	w.noise(powerLaw(within{0.5, 2}.even(w.Rand)))
	for i, v := range w.area.wave {
		c.Data[i] += share * (unit(real(v)) - c.Data[i])
	}
}

// absorbing is the thickness that absorbs: that of the phase, partly that, or one of its own.
func (w *workspace) absorbing(kind objectKind, scale, sharp float64) []float64 {
	same, own := w.canvas[0], w.canvas[1]
	u := w.Float64()
	if u >= independent+partlyAlike {
		return same.Data
	}
	w.draw(kind, own, scale, sharp)
	if u < partlyAlike {
		for i, t := range same.Data {
			own.Data[i] = (own.Data[i] + t) / 2
		}
	}
	return own.Data
}

// incline adds a phase ramp to the object in the area's wave, in periods per window along either axis.
func (w *workspace) incline(down, right float64) {
	f := w.area
	for i := range f.size {
		at := 2 * math.Pi * float64(i-f.size/2) / float64(w.n)
		f.rows[i], f.columns[i] = cmplx.Rect(1, down*at), cmplx.Rect(1, right*at)
	}
	f.factor()
}

// unit maps a normal number to 0..1; two standard deviations fill it.
func unit(x float64) float64 { return min(1, max(0, 0.5+x/4)) }
