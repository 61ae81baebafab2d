// Package frame splits a scan position into the pixel that a patch is placed at and a subpixel fraction.
//
// The pixel frame of a scan has x along columns and y along rows, in object pixels. A pattern whose centre is (x, y)
// sees the N x N patch of rows [Pixel(y) - N/2, Pixel(y) + N/2) and columns [Pixel(x) - N/2, Pixel(x) + N/2). The
// physics applies Fraction as a Fourier shift of the probe. Training and stitching both use these functions, so that
// the object is never interpolated and the two never differ by a pixel. The package imports nothing of ptyx.
package frame

import "math"

// Pixel is the pixel nearest to the finite position v; halves round towards +infinity, also below zero: Pixel(-0.5) =
// 0. It is floor(v + 1/2) without the rounding error of that sum.
func Pixel(v float64) int { return int(round(v)) }

// Range is the lowest and the highest pixel of the positions with indices members, along an axis.
func Range(positions []float64, members []int) (low, high int) {
	low, high = math.MaxInt, math.MinInt
	for _, m := range members {
		p := Pixel(positions[m])
		low, high = min(low, p), max(high, p)
	}
	return low, high
}

// Fraction is v - Pixel(v), in [-0.5, 0.5), without rounding error for any v whose fraction is representable.
func Fraction(v float64) float64 { return v - round(v) }

// AppendOffset appends the subpixel parts of a position, x and y, as a network takes them.
func AppendOffset(to []float32, x, y float64) []float32 {
	return append(to, float32(Fraction(x)), float32(Fraction(y)))
}

// FloorDiv is a / b rounded down, for b above 0: the number of the square of b pixels in which pixel a lies.
func FloorDiv(a, b int) int {
	if a < 0 {
		return -((b - 1 - a) / b)
	}
	return a / b
}

// round compares the distance to the floor, which is exact. The sum v + 0.5 may round: 0.49999999999999994 + 0.5 = 1.
func round(v float64) float64 {
	floor := math.Floor(v)
	if v-floor >= 0.5 {
		return floor + 1
	}
	return floor
}
