package scenery

import "math"

// Disc paints a disc.
func (c *Canvas) Disc(cy, cx, radius float64, p Paint) {
	reach := int(radius+margin/c.Sharpness) + 1
	for y := max(0, int(cy)-reach); y < min(c.H, int(cy)+reach); y++ {
		for x := max(0, int(cx)-reach); x < min(c.W, int(cx)+reach); x++ {
			dy, dx := float64(y)-cy, float64(x)-cx
			c.put(y*c.W+x, radius-math.Sqrt(dy*dy+dx*dx), p)
		}
	}
}

// Ball adds the thickness of a sphere, thickness in its middle.
func (c *Canvas) Ball(cy, cx, radius, thickness float64) {
	reach := int(radius) + 1
	for y := max(0, int(cy)-reach); y <= min(c.H-1, int(cy)+reach); y++ {
		for x := max(0, int(cx)-reach); x <= min(c.W-1, int(cx)+reach); x++ {
			dy, dx := float64(y)-cy, float64(x)-cx
			if left := 1 - (dy*dy+dx*dx)/(radius*radius); left > 0 {
				c.Data[y*c.W+x] += thickness * math.Sqrt(left)
			}
		}
	}
}

// Line adds a line without ends through (py, px), half pixels to either side of its middle.
func (c *Canvas) Line(py, px, angle, half float64, p Paint) {
	sin, cos := math.Sincos(angle)
	for y := range c.H {
		for x := range c.W {
			d := math.Abs((float64(x)-px)*sin - (float64(y)-py)*cos)
			if d < half+margin/c.Sharpness {
				c.put(y*c.W+x, half-d, p)
			}
		}
	}
}

// Segment paints a line from one point to another with round ends.
func (c *Canvas) Segment(y0, x0, y1, x1, half float64, p Paint) {
	reach := half + margin/c.Sharpness
	top, bottom := int(math.Floor(min(y0, y1)-reach)), int(math.Ceil(max(y0, y1)+reach))
	left, right := int(math.Floor(min(x0, x1)-reach)), int(math.Ceil(max(x0, x1)+reach))
	dy, dx := y1-y0, x1-x0
	square := max(dy*dy+dx*dx, 1e-9)
	for y := max(0, top); y <= min(c.H-1, bottom); y++ {
		for x := max(0, left); x <= min(c.W-1, right); x++ {
			ry, rx := float64(y)-y0, float64(x)-x0
			along := min(1, max(0, (ry*dy+rx*dx)/square))
			ry, rx = ry-along*dy, rx-along*dx
			if d2 := ry*ry + rx*rx; d2 < reach*reach {
				c.put(y*c.W+x, half-math.Sqrt(d2), p)
			}
		}
	}
}

// Box paints a rectangle with half sides along its own axes, turned by an angle.
func (c *Canvas) Box(cy, cx, halfHeight, halfWidth, angle float64, p Paint) {
	sin, cos := math.Sincos(angle)
	edge := margin / c.Sharpness
	high := int(math.Abs(halfHeight*cos)+math.Abs(halfWidth*sin)+edge) + 1
	wide := int(math.Abs(halfHeight*sin)+math.Abs(halfWidth*cos)+edge) + 1
	for y := max(0, int(cy)-high); y <= min(c.H-1, int(cy)+high); y++ {
		for x := max(0, int(cx)-wide); x <= min(c.W-1, int(cx)+wide); x++ {
			dy, dx := float64(y)-cy, float64(x)-cx
			d := min(halfHeight-math.Abs(dy*cos-dx*sin), halfWidth-math.Abs(dy*sin+dx*cos))
			if d > -edge {
				c.put(y*c.W+x, d, p)
			}
		}
	}
}

// Star paints a Siemens star: an even number of sectors, half of them filled, and rings of gaps, evenly spaced in its
// radius.
func (c *Canvas) Star(cy, cx, radius float64, spokes, rings int, p Paint) {
	count, gaps := float64(spokes), float64(rings)
	for y := range c.H {
		for x := range c.W {
			dy, dx := float64(y)-cy, float64(x)-cx
			r, angle := math.Hypot(dy, dx), math.Atan2(dy, dx)
			edge := r * math.Sin(count/2*angle) * 2 / count // signed distance to the nearest spoke edge, in pixels
			gap := math.Abs(math.Mod(r/radius*gaps, 1)-0.5) * radius / gaps
			inside := Step(edge*c.Sharpness) * Step((gap-1)*c.Sharpness) * Step((radius-r)*c.Sharpness) * Step(r-3)
			c.blend(y*c.W+x, inside, p)
		}
	}
}
