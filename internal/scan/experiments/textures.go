package experiments

import (
	"math"

	"ptyx/internal/scan/scenery"
)

// Objects without outlines.

// texture writes a noise to the canvas, as it is.
func (w *workspace) texture(c *scenery.Canvas, shape filter) {
	w.noise(shape)
	for i, v := range w.area.wave {
		c.Data[i] = unit(real(v))
	}
}

// split writes 1 to the canvas where a noise exceeds a level. The width of the edges comes from the noise's mean slope.
func (w *workspace) split(c *scenery.Canvas, shape filter, level float64) {
	cycles := w.noise(shape)
	pixels := float64(w.n) / (2 * math.Pi * max(cycles, 0.1)) // per standard deviation
	for i, v := range w.area.wave {
		c.Data[i] = scenery.Step((real(v) - level) * pixels * c.Sharpness)
	}
}

// powerNoise: natural images have amplitudes that fall with the first power; a rough film's fall slowly, a cloud's
// fast.
func powerNoise(w *workspace, c *scenery.Canvas, _ float64) {
	w.texture(c, powerLaw(within{0.3, 2.5}.even(w.Rand)))
}

func smoothNoise(w *workspace, c *scenery.Canvas, _ float64) {
	w.texture(c, bell(within{0.4, 3}.log(w.Rand)))
}

func binaryNoise(w *workspace, c *scenery.Canvas, scale float64) {
	level := within{-1, 1}.even(w.Rand)
	if chance(w.Rand, 0.5) {
		w.split(c, bell(float64(w.n)/(3*scale)), level)
	} else {
		w.split(c, powerLaw(within{1.2, 2.5}.even(w.Rand)), level)
	}
}

func labyrinth(w *workspace, c *scenery.Canvas, scale float64) {
	shape := band(max(1.5, float64(w.n)/(2*scale)), within{0.05, 0.3}.even(w.Rand))
	if chance(w.Rand, 0.7) {
		w.split(c, shape, within{-0.4, 0.4}.even(w.Rand))
	} else {
		w.texture(c, shape)
	}
}

// grating is a sine or a square wave along one axis or both.
func grating(w *workspace, c *scenery.Canvas, scale float64) {
	period, angle := max(4, 2*scale), math.Pi*w.Float64()
	crossed, smooth := chance(w.Rand, 0.4), chance(w.Rand, 0.3)
	duty := within{-0.6, 0.6}.even(w.Rand)
	start := 2 * math.Pi * w.Float64()
	sin, cos := math.Sincos(angle)
	k := 2 * math.Pi / period
	wave := func(at float64) float64 {
		s := math.Sin(k*at+start) - duty
		if smooth {
			return min(1, max(0, 0.5+s/2))
		}
		return scenery.Step(s / k * c.Sharpness)
	}
	for i := range c.Data {
		y, x := float64(i/c.W), float64(i%c.W)
		t := wave(y*sin + x*cos)
		if crossed && t > 0 {
			t *= wave(y*cos - x*sin)
		}
		c.Data[i] = t
	}
}

// edge is a border between two media, straight or an arc.
func edge(w *workspace, c *scenery.Canvas, _ float64) {
	n, middle := float64(w.n), float64(w.area.size)/2
	radius := within{0.5, 20}.log(w.Rand) * n
	sin, cos := math.Sincos(2 * math.Pi * w.Float64())
	from := radius + n*within{-0.25, 0.25}.even(w.Rand)
	c.Disc(middle+from*sin, middle+from*cos, radius, scenery.Add(1))
}

// islands are noise within a body of other outlines.
func islands(w *workspace, c *scenery.Canvas, scale float64) {
	body := [...]func(*workspace, *scenery.Canvas, float64){binaryNoise, blobs, edge}[w.IntN(3)]
	body(w, c, max(scale, 0.1*float64(w.n)))
	w.noise(powerLaw(within{0.3, 2}.even(w.Rand)))
	base := within{0, 0.8}.even(w.Rand)
	for i, v := range w.area.wave {
		c.Data[i] *= base + (1-base)*unit(real(v))
	}
}
