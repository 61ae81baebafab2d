package spectrum

// InversionCentre is the point of an image (h, w) about which it is most like itself turned by half a turn, in pixels
// from the first. Values are 0 or more; known says which pixels count, and nil stands for all.
//
// For each s, it compares the values a(r) with a(s - r), where both are known: sum a(r) a(s-r) / sum a(r)^2, which is 1
// if they are equal and less otherwise. The sums are convolutions. Half of sum a^2 has to take part. The centre is half
// the best s; a parabola through the values around that gives the fraction. Without light it is [0, 0].
func InversionCentre(image []float64, known []bool, h, w int) (row, col float64) {
	height, width := SmoothFrom(2*h), SmoothFrom(2*w)
	value, square, weight := New(height, width), New(height, width), New(height, width)
	all := 0.0
	for i, v := range image {
		if known != nil && !known[i] {
			continue
		}
		at := i/w*width + i%w
		value.Data[at], square.Data[at], weight.Data[at] = complex(v, 0), complex(v*v, 0), 1
		all += v * v
	}
	if all == 0 {
		return 0, 0
	}
	plan := NewTransform(height, width)
	for _, f := range []*Field{value, square, weight} {
		plan.Forward(f.Data)
	}
	for i, v := range value.Data {
		value.Data[i] = v * v
		square.Data[i] *= weight.Data[i]
	}
	plan.Inverse(value.Data)
	plan.Inverse(square.Data)
	likeness := func(r, c int) float64 {
		i := (r+height)%height*width + (c+width)%width
		if part := real(square.Data[i]); part >= all/2 {
			return real(value.Data[i]) / part
		}
		return 0
	}
	most, r, c := 0.0, 0, 0
	for i := range value.Data {
		if v := likeness(i/width, i%width); v > most {
			most, r, c = v, i/width, i%width
		}
	}
	row = float64(r) + top(likeness(r-1, c), most, likeness(r+1, c))
	col = float64(c) + top(likeness(r, c-1), most, likeness(r, c+1))
	return row / 2, col / 2
}

// top is the place of the top of a parabola through values at -1, 0 and 1, of which that at 0 is the largest.
func top(before, at, after float64) float64 {
	bend := before + after - 2*at
	if bend >= 0 {
		return 0
	}
	return (before - after) / (2 * bend)
}
