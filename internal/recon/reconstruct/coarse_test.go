package reconstruct

import (
	"fmt"
	"math"
	"math/cmplx"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/stitch"
)

// TestCoarsePatchesShareTheirSquares: a coarse patch keeps the sum of its patch, and two patches of one object have the
// same value in each square that both cover completely, wherever they begin.
func TestCoarsePatchesShareTheirSquares(t *testing.T) {
	object := func(row, col int) complex64 { return complex(1+float32(row%5)/8, float32(col%7)/8) }
	for _, n := range []int{8, 32, 40, 56, 64, 120} {
		bin, side := coarseBin(n), coarseSide(n)
		weights := make([]float32, n*n)
		for i := range weights {
			weights[i] = 1
		}
		squares := map[[2]int]complex64{} // by row and column, of bin x bin pixels
		shared := 0
		for _, corner := range [][2]int{{0, 0}, {-3, 5}, {7, -n / 2}, {bin - 1, 1 - bin}, {-2*n + 1, 4}} {
			what := fmt.Sprintf("a patch of %d pixels at %v", n, corner)
			patch, sum := make([]complex64, n*n), complex64(0)
			for i := range patch {
				patch[i] = object((corner[0]+i/n+1000*35)%35, (corner[1]+i%n+1000*35)%35)
				sum += patch[i]
			}
			first := [2]int{frame.FloorDiv(corner[0], bin), frame.FloorDiv(corner[1], bin)}
			coarse := make([]complex64, side*side)
			coarsen(patch, weights, n, corner[0]-bin*first[0], corner[1]-bin*first[1], coarse)
			for i, v := range coarse {
				sum -= v
				at := [2]int{first[0] + i/side, first[1] + i%side}
				if !inside(at[0]*bin, corner[0], n, bin) || !inside(at[1]*bin, corner[1], n, bin) {
					continue
				}
				other, seen := squares[at]
				if squares[at] = v; !seen {
					continue
				}
				shared++
				// float32 sums of up to 49 values of up to 2, in the same order
				if d := cmplx.Abs(complex128(other - v)); !(d <= 1e-5) {
					t.Errorf("%s: square %v is %v, of another patch %v", what, at, v, other)
				}
			}
			if d := cmplx.Abs(complex128(sum)); !(d <= 1e-6*float64(n*n)) { // rounding of float32 sums
				t.Errorf("%s: coarse pixels add up to another value, by %v", what, sum)
			}
		}
		if shared == 0 {
			t.Errorf("%d pixels: no square is shared", n)
		}
	}
}

// inside reports whether bin pixels from a position lie within a patch of n pixels that begins at corner.
func inside(from, corner, n, bin int) bool { return from >= corner && from+bin <= corner+n }

// TestCoarsePatchesAreWeighted: each pixel counts by its weight, but for those that the canvas shortens or that are no
// numbers.
func TestCoarsePatchesAreWeighted(t *testing.T) {
	const n = 8 // squares of one pixel
	patch, weights := make([]complex64, n*n), make([]float32, n*n)
	for i := range patch {
		patch[i], weights[i] = complex(1, float32(i)/100), float32(i%5)/2
	}
	patch[3], patch[9] = complex(stitch.MaxMagnitude+1, 0), complex(float32(math.NaN()), 0)
	side := coarseSide(n)
	coarse := make([]complex64, side*side)
	coarsen(patch, weights, n, 0, 0, coarse)
	for i, v := range patch {
		want := complex(weights[i]*real(v), weights[i]*imag(v))
		if i == 3 || i == 9 {
			want = 0
		}
		if got := coarse[i/n*side+i%n]; got != want {
			t.Errorf("pixel %d is %v, expected %v", i, got, want)
		}
	}
}
