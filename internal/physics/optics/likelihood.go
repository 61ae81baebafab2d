package optics

import "math"

// Poisson is the negative log-likelihood of measured intensities given modelled ones, less its smallest value, as a mean
// over pixels: mean [ I - Y - (Y+eps) log((I+eps)/(Y+eps)) ], that of counts over a background of eps, so that it is smallest at I = Y
// whatever eps is. With both in units of the mean intensity it is in nats per photon.
func Poisson(intensity, measured []float64, eps float64) float64 {
	sum := 0.0
	for i, m := range intensity {
		y := measured[i]
		sum += m - y - (y+eps)*math.Log((m+eps)/(y+eps))
	}
	return sum / float64(len(intensity))
}

// AmplitudeMAE is mean | sqrt(I+eps) - sqrt(Y+eps) |.
func AmplitudeMAE(intensity, measured []float64, eps float64) float64 {
	sum := 0.0
	for i, m := range intensity {
		sum += math.Abs(math.Sqrt(m+eps) - math.Sqrt(measured[i]+eps))
	}
	return sum / float64(len(intensity))
}
