package forward_test

import (
	"math"
	"slices"
	"testing"

	"ptyx/internal/base/ndarray"
)

// The losses in plain Go and double precision: the references of the graphs.

// poisson is mean [ I - Y - (Y+eps) log((I+eps)/(Y+eps)) ] of modelled intensities I and measured ones Y.
func poisson(intensity, measured []float64, eps float64) float64 {
	sum := 0.0
	for i, m := range intensity {
		y := measured[i]
		sum += m - y - (y+eps)*math.Log((m+eps)/(y+eps))
	}
	return sum / float64(len(intensity))
}

// amplitudeMAE is mean | sqrt(I+eps) - sqrt(Y+eps) |.
func amplitudeMAE(intensity, measured []float64, eps float64) float64 {
	sum := 0.0
	for i, m := range intensity {
		sum += math.Abs(math.Sqrt(m+eps) - math.Sqrt(measured[i]+eps))
	}
	return sum / float64(len(intensity))
}

// variation is the total variation of a patch (N, N), a mean over pixels with weights of mean 1; steps below floor are
// rounded off. Steps over the last row and column count as 0.
func variation(patch *ndarray.Complex64, weights []float64, floor float64) float64 {
	n := patch.Shape[1]
	at := func(r, c int) complex128 { return complex128(patch.Data[r*n+c]) }
	sum := 0.0
	for r := range n {
		for c := range n {
			var down, right complex128
			if r+1 < n {
				down = at(r+1, c) - at(r, c)
			}
			if c+1 < n {
				right = at(r, c+1) - at(r, c)
			}
			squares := real(down)*real(down) + imag(down)*imag(down) + real(right)*real(right) + imag(right)*imag(right)
			sum += weights[r*n+c] * (math.Sqrt(squares+floor*floor) - floor)
		}
	}
	return sum / float64(n*n)
}

func TestLikelihoodsAreZeroForAPerfectFit(t *testing.T) {
	y := []float64{0, 1, 2.5, 1000}
	if v := poisson(y, y, 1e-3); v != 0 {
		t.Errorf("Poisson of a perfect fit is %g", v)
	}
	if v := amplitudeMAE(y, y, 1e-3); v != 0 {
		t.Errorf("MAE of a perfect fit is %g", v)
	}
	// However large the floor, nothing fits better than what was measured.
	for _, eps := range []float64{1e-3, 0.1, 10} {
		for i := range y {
			for _, step := range []float64{-0.01, 0.01} {
				wrong := slices.Clone(y)
				wrong[i] = max(0, y[i]+step)
				if v := poisson(wrong, y, eps); wrong[i] != y[i] && !(v > 0) {
					t.Errorf("eps %g: Poisson of %v for %v is %g, expected positive", eps, wrong, y, v)
				}
			}
		}
	}
}
