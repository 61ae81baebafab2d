package trainer

import (
	"math"

	"ptyx/internal/physics/optics"
)

// The losses in plain Go and double precision: the references of the training step.

// poissonLoss is mean [ I - Y - (Y+eps) log((I+eps)/(Y+eps)) ] of modelled intensities I and measured ones Y.
func poissonLoss(intensity, measured []float64, eps float64) float64 {
	sum := 0.0
	for i, m := range intensity {
		y := measured[i]
		sum += m - y - (y+eps)*math.Log((m+eps)/(y+eps))
	}
	return sum / float64(len(intensity))
}

// amplitudeLoss is mean | sqrt(I+eps) - sqrt(Y+eps) |.
func amplitudeLoss(intensity, measured []float64, eps float64) float64 {
	sum := 0.0
	for i, m := range intensity {
		sum += math.Abs(math.Sqrt(m+eps) - math.Sqrt(measured[i]+eps))
	}
	return sum / float64(len(intensity))
}

// shiftMatrix is the matrix (n, n) of optics.ShiftMatrixInto.
func shiftMatrix(d float64, n int) []float32 {
	m := make([]float32, n*n)
	optics.ShiftMatrixInto(m, d, n)
	return m
}
