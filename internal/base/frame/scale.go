package frame

import "math"

// Scale is how many pixels of a scan's file one object pixel is wide (X) and high (Y). Cropping a detector of n pixels
// to c makes it n / c. The zero value counts as 1; it stands for a scan that is neither cropped nor binned, and for a
// file that does not state its scale.
type Scale struct{ X, Y float64 }

// One is the scale of a scan whose detector is binned, but not cropped.
var One = Scale{1, 1}

// OrOne replaces the zero value by One.
func (s Scale) OrOne() Scale {
	if s == (Scale{}) {
		return One
	}
	return s
}

// Per is the scale relative to another: how many pixels of b one pixel of s is wide and high.
func (s Scale) Per(b Scale) Scale {
	s, b = s.OrOne(), b.OrOne()
	return Scale{s.X / b.X, s.Y / b.Y}
}

// Rows are the numbers as a file holds them: height, width.
func (s Scale) Rows() []float64 { s = s.OrOne(); return []float64{s.Y, s.X} }

// ScaleOfRows is the inverse of Rows. It reports false for anything but two positive, finite numbers.
func ScaleOfRows(v []float64) (Scale, bool) {
	if len(v) != 2 {
		return Scale{}, false
	}
	for _, f := range v {
		if !(f > 0) || math.IsInf(f, 1) {
			return Scale{}, false
		}
	}
	return Scale{X: v[1], Y: v[0]}, true
}

// HasSize reports whether a probe of a shape (..., N, N) or (N, N, 1) has n pixels each way.
func HasSize(shape []int, n int) bool {
	if d := len(shape); d > 2 && shape[d-1] == 1 {
		shape = shape[:d-1]
	}
	d := len(shape)
	return d >= 2 && shape[d-1] == n && shape[d-2] == n
}
