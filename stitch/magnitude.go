package stitch

import (
	"fmt"
	"math"
	"math/cmplx"
	"slices"
)

// MaxMagnitude is the largest |value| that a canvas sums. Transmission is at most 1, and a network that scales freely
// stays within a few times that, except where the probe is so dim that the pattern says nothing about the object.
const MaxMagnitude = 4

// A patch is refused if more than this share of its weight lies on values above MaxMagnitude.
const largeShare = 0.05

// Usable reports whether Add accepts the values of a patch. Callers check it before they extend a canvas for a patch.
func (c *Canvas) Usable(patch []complex64) bool {
	return len(patch) == len(c.weights) && c.checkValues(patch) == nil
}

// checkValues refuses a patch with NaN or Inf, and one whose values are too large where the weights are.
func (c *Canvas) checkValues(patch []complex64) error {
	var large, all int64
	first := -1
	for i, v := range patch {
		all += c.weights[i]
		if within(v) {
			continue
		}
		if !finite(v) {
			return fmt.Errorf("row %d, column %d: %v: %w", i/c.n, i%c.n, v, ErrValue)
		}
		if large += c.weights[i]; first < 0 {
			first = i
		}
	}
	if float64(large) > largeShare*float64(all) {
		return fmt.Errorf("row %d, column %d: %v: %w", first/c.n, first%c.n, patch[first], ErrValue)
	}
	return nil
}

// shortened returns the patch with values above MaxMagnitude shortened to it; their phase stays. It copies the patch if
// there are any.
func shortened(patch []complex64) []complex64 {
	first := slices.IndexFunc(patch, func(v complex64) bool { return !within(v) })
	if first < 0 {
		return patch
	}
	out := slices.Clone(patch)
	for i, v := range out[first:] {
		if !within(v) {
			_, phase := cmplx.Polar(complex128(v))
			out[first+i] = complex64(cmplx.Rect(MaxMagnitude, phase))
		}
	}
	return out
}

// within reports whether the magnitude is at most MaxMagnitude; NaN is not.
func within(v complex64) bool {
	re, im := real(v), imag(v)
	return re*re+im*im <= MaxMagnitude*MaxMagnitude
}

func finite(v complex64) bool {
	return !math.IsNaN(cmplx.Abs(complex128(v))) && !cmplx.IsInf(complex128(v))
}
