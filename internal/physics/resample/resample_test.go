package resample

import (
	"math/cmplx"
	"slices"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
)

// TestAWaveKeepsItsPlace: a wave that the new pixels can hold is the same wave at the same places, for any ratio and
// any first pixel.
func TestAWaveKeepsItsPlace(t *testing.T) {
	wave := func(y, x float64) complex128 { return cmplx.Exp(complex(0, 0.25*y-0.4*x+0.3)) }
	for _, by := range []frame.Scale{{X: 2, Y: 2}, {X: 516.0 / 256, Y: 1}, {X: 1, Y: 1.5}, {X: 1, Y: 1}} {
		for _, at := range [][2]int{{0, 0}, {-7, 13}} {
			image := ndarray.New[complex64](110, 131)
			for i := range image.Data {
				image.Data[i] = complex64(wave(float64(at[0]+i/131), float64(at[1]+i%131)))
			}
			got, row, col := Complex(image, at[0], at[1], by)
			const edge = lobes + 1
			for r := edge; r < got.Shape[0]-edge; r++ {
				for c := edge; c < got.Shape[1]-edge; c++ {
					want := wave(float64(row+r)*by.Y, float64(col+c)*by.X)
					if d := cmplx.Abs(complex128(got.Data[r*got.Shape[1]+c]) - want); !(d < 5e-3) {
						t.Fatalf("%v from %v: row %d, column %d off by %g", by, at, r, c, d)
					}
				}
			}
			if by == frame.One && (!slices.Equal(got.Data, image.Data) || row != at[0] || col != at[1]) {
				t.Errorf("the same pixels are changed")
			}
		}
	}
}

// TestAConstantStaysOne, to its edges, also if it is smaller than the kernel or than a new pixel.
func TestAConstantStaysOne(t *testing.T) {
	for _, n := range []int{1, 2, 5, 40} {
		image, coverage := ndarray.New[complex64](n, n), ndarray.New[float32](n, n)
		for i := range image.Data {
			image.Data[i], coverage.Data[i] = 2-1i, 3
		}
		got, row, col := Complex(image, 1, -n, frame.Scale{X: 2.5, Y: 4})
		covered := Nearest(coverage, 1, -n, frame.Scale{X: 2.5, Y: 4})
		if !slices.Equal(got.Shape, covered.Shape) || len(got.Data) == 0 {
			t.Fatalf("%d: shapes %v and %v from row %d, column %d", n, got.Shape, covered.Shape, row, col)
		}
		for i, v := range got.Data {
			if cmplx.Abs(complex128(v)-(2-1i)) > 1e-6 || covered.Data[i] != 3 {
				t.Errorf("%d: %v at %d, coverage %v", n, v, i, covered.Data[i])
			}
		}
	}
}
