package experiments

import (
	"math"

	"ptyx/internal/scan/scenery"
)

// Objects of shapes with outlines. count turns a number for each window into one for the field.

func (w *workspace) count(perWindow float64) int {
	area := float64(w.area.size*w.area.size) / float64(w.n*w.n)
	return int(max(1, min(400, perWindow)) * area)
}

// covering is how many shapes of a size cover a window times a density.
func (w *workspace) covering(size, density float64) int {
	return w.count(density * float64(w.n*w.n) / (math.Pi * size * size))
}

// place is a random place of the canvas, and a little beyond.
func (w *workspace) place(c *scenery.Canvas) (y, x float64) {
	return float64(c.H) * within{-0.1, 1.1}.even(w.Rand), float64(c.W) * within{-0.1, 1.1}.even(w.Rand)
}

// value is a thickness: any, or one of two.
func (w *workspace) value(two bool) float64 {
	if two {
		return float64(w.IntN(2))
	}
	return w.Float64()
}

// leaves is the dead leaves model of natural images: shapes of sizes from a power law, each in front of those before.
func leaves(w *workspace, c *scenery.Canvas, scale float64) {
	two, round := chance(w.Rand, 0.3), chance(w.Rand, 0.6)
	for range w.covering(scale, 2) {
		y, x := w.place(c)
		size := scale * within{0.3, 2.5}.log(w.Rand)
		t := scenery.Cover(w.value(two))
		if round {
			c.Disc(y, x, size, t)
		} else {
			c.Box(y, x, size, size*within{0.3, 1}.even(w.Rand), math.Pi*w.Float64(), t)
		}
	}
}

func blobs(w *workspace, c *scenery.Canvas, scale float64) {
	for range w.covering(scale, within{0.2, 1}.even(w.Rand)) {
		y, x := w.place(c)
		c.Disc(y, x, scale*within{0.3, 1.5}.even(w.Rand), scenery.Add(within{0.2, 0.8}.even(w.Rand)))
	}
	c.Saturate()
}

func particles(w *workspace, c *scenery.Canvas, scale float64) {
	size := min(scale, 0.2*float64(w.n))
	shape, spread := w.IntN(3), within{0, 0.4}.even(w.Rand)
	for range w.covering(size, within{0.02, 0.25}.log(w.Rand)) {
		y, x := w.place(c)
		r := size * (1 + spread*(w.Float64()-0.5))
		switch shape {
		case 0:
			c.Ball(y, x, max(2, r), 0.7)
		case 1:
			c.Disc(y, x, r, scenery.Add(0.7))
		default:
			c.Box(y, x, r, r, math.Pi*w.Float64(), scenery.Add(0.7))
		}
	}
	c.Saturate()
}

func lines(w *workspace, c *scenery.Canvas, scale float64) {
	half := max(0.7, min(scale, 0.12*float64(w.n))/3)
	straight := chance(w.Rand, 0.5)
	for range w.count(within{2, 12}.even(w.Rand)) {
		y, x := w.place(c)
		angle, t := math.Pi*w.Float64(), scenery.Add(within{0.25, 0.8}.even(w.Rand))
		h := half * within{0.5, 1.5}.even(w.Rand)
		if straight {
			c.Line(y, x, angle, h, t)
			continue
		}
		w.fibre(c, y, x, angle, h, t)
	}
	c.Saturate()
}

// fibre is a chain of pieces that bends.
func (w *workspace) fibre(c *scenery.Canvas, y, x, angle, half float64, t scenery.Paint) {
	bend, length := 0.5*w.NormFloat64(), 0.15*float64(w.n)
	for range 8 {
		sin, cos := math.Sincos(angle)
		c.Segment(y, x, y+length*sin, x+length*cos, half, t)
		y, x, angle = y+length*sin, x+length*cos, angle+bend
	}
}

func spokes(w *workspace, c *scenery.Canvas, _ float64) {
	n, middle := float64(w.n), float64(w.area.size)/2
	y, x := middle+n*0.6*w.NormFloat64(), middle+n*0.6*w.NormFloat64()
	c.Star(y, x, n*within{0.4, 4}.log(w.Rand), 2*(4+w.IntN(33)), 1+w.IntN(8), scenery.Add(1))
}

// circuit is rectangles and tracks along two axes.
func circuit(w *workspace, c *scenery.Canvas, scale float64) {
	angle := 0.0
	if chance(w.Rand, 0.5) {
		angle = math.Pi * w.Float64()
	}
	two := chance(w.Rand, 0.6)
	for range w.covering(scale, 0.8) {
		y, x := w.place(c)
		high, wide := scale*within{0.3, 1}.log(w.Rand), scale*within{0.5, 6}.log(w.Rand)
		if chance(w.Rand, 0.5) {
			high, wide = wide, high
		}
		c.Box(y, x, high, wide, angle, scenery.Cover(w.value(two)))
	}
}

// text is rows of signs, each of strokes between the nodes of a small grid.
func text(w *workspace, c *scenery.Canvas, scale float64) {
	height := max(8, min(2*scale, 0.6*float64(w.n))) // of a sign
	half := height * within{0.05, 0.12}.even(w.Rand)
	sin, cos := math.Sincos(2 * math.Pi * w.Float64())
	middle := float64(w.area.size) / 2
	signs := int(float64(w.area.size)/height) + 2 // from the middle to each side, in a row narrower than high
	for row := -signs * 3 / 4; row <= signs*3/4; row++ {
		for column := -signs; column <= signs; column++ {
			top, left := float64(row)*1.5*height, float64(column)*0.9*height
			y, x := middle+top*cos-left*sin, middle+top*sin+left*cos
			if math.Abs(y-middle) > middle+height || math.Abs(x-middle) > middle+height || chance(w.Rand, 0.15) {
				continue
			}
			w.sign(c, y, x, height*cos, height*sin, half)
		}
	}
	for i, t := range c.Data {
		c.Data[i] = min(1, t)
	}
}

// sign paints two to four strokes. (down, right) is the vector along its height.
func (w *workspace) sign(c *scenery.Canvas, y, x, down, right, half float64) {
	node := func() (float64, float64) {
		a, b := float64(w.IntN(3))/2-0.5, float64(w.IntN(3))/4-0.25 // along and across its height
		return y + a*down - b*right, x + a*right + b*down
	}
	y0, x0 := node()
	for range 2 + w.IntN(3) {
		y1, x1 := node()
		c.Segment(y0, x0, y1, x1, half, scenery.Cover(1))
		y0, x0 = y1, x1
	}
}
