// Package resample brings images to larger pixels, as a smaller part of the detector sees them.
//
// Pixel k of the result is at pixel k * factor of the image's frame, so that pixel 0 of both frames is the same place.
// Package dataset uses it for the object of a cropped scan, package evaluate to compare objects of unlike pixels.
package resample

import (
	"math"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
)

// lobes are those of the kernel on either side, a sinc windowed by a sinc (Lanczos 1956; Duchon, J. Appl. Meteorol. 18,
// 1979): it passes what the larger pixels can hold.
const lobes = 6

// Complex resamples an image (H, W) whose first pixel is (row, col) of its frame. by is the new pixel in pixels of the
// image, at least 1 each way. It returns the image and the row and column of its first pixel.
func Complex(image *ndarray.Complex64, row, col int, by frame.Scale) (_ *ndarray.Complex64, newRow, newCol int) {
	rows, columns := newAxis(row, image.Shape[0], by.Y), newAxis(col, image.Shape[1], by.X)
	width := len(columns.taps)
	narrow := make([]complex128, image.Shape[0]*width) // (H, new W)
	for r := range image.Shape[0] {
		line := image.Data[r*image.Shape[1] : (r+1)*image.Shape[1]]
		for c, t := range columns.taps {
			var sum complex128
			for i, w := range t.weights {
				sum += complex(w, 0) * complex128(line[t.first+i])
			}
			narrow[r*width+c] = sum
		}
	}
	out := ndarray.New[complex64](len(rows.taps), width)
	sums := make([]complex128, width)
	for r, t := range rows.taps {
		clear(sums)
		for i, w := range t.weights {
			for c, v := range narrow[(t.first+i)*width : (t.first+i+1)*width] {
				sums[c] += complex(w, 0) * v
			}
		}
		for c, v := range sums {
			out.Data[r*width+c] = complex64(v)
		}
	}
	return out, rows.start, columns.start
}

// Nearest takes for each new pixel the value of the nearest old one: a coverage keeps its zeros.
func Nearest(image *ndarray.Float32, row, col int, by frame.Scale) *ndarray.Float32 {
	rows, columns := newAxis(row, image.Shape[0], by.Y), newAxis(col, image.Shape[1], by.X)
	out := ndarray.New[float32](len(rows.taps), len(columns.taps))
	for r, y := range rows.taps {
		for c, x := range columns.taps {
			out.Data[r*len(columns.taps)+c] = image.Data[y.nearest*image.Shape[1]+x.nearest]
		}
	}
	return out
}

// axis is one direction of the new pixels.
type axis struct {
	start int // new frame's pixel of the first
	taps  []tap
}

// tap is what one new pixel takes: weights of the old pixels from first on, whose sum is 1.
type tap struct {
	first, nearest int
	weights        []float64
}

// newAxis places new pixels on n old ones that begin at start.
func newAxis(start, n int, by float64) axis {
	const rounding = 1e-9 // of the quotient
	first := int(math.Ceil(float64(start)/by - rounding))
	last := max(first, int(math.Floor(float64(start+n-1)/by+rounding)))
	a := axis{start: first}
	for k := first; k <= last; k++ {
		a.taps = append(a.taps, newTap(float64(k)*by-float64(start), by, n))
	}
	return a
}

// newTap weighs the old pixels around a place, counted from the first of n.
func newTap(at, by float64, n int) tap {
	low := max(0, int(math.Ceil(at-lobes*by)))
	high := max(low, min(n-1, int(math.Floor(at+lobes*by))))
	low = min(low, n-1)
	t := tap{first: low, nearest: min(n-1, max(0, int(math.Round(at))))}
	sum := 0.0
	for i := low; i <= min(high, n-1); i++ {
		w := lanczos((float64(i) - at) / by)
		t.weights = append(t.weights, w)
		sum += w
	}
	if sum == 0 { // the place is off a very small image
		return tap{first: t.nearest, nearest: t.nearest, weights: []float64{1}}
	}
	for i := range t.weights {
		t.weights[i] /= sum
	}
	return t
}

// lanczos is the kernel at t new pixels.
func lanczos(t float64) float64 {
	if math.Abs(t) >= lobes {
		return 0
	}
	return sinc(t) * sinc(t/lobes)
}

func sinc(t float64) float64 {
	switch t {
	case 0:
		return 1
	case math.Trunc(t): // exactly, so that pixels of the same size are copied
		return 0
	}
	return math.Sin(math.Pi*t) / (math.Pi * t)
}
