package forward

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// SumModes adds the intensities of incoherent probe modes: (B, K, N, N) -> (B, 1, N, N) (Thibault and Menzel, Nature
// 494, 68, 2013).
func SumModes(intensity *gorgonia.Node) *gorgonia.Node {
	s := intensity.Shape()
	return ops.SumTo(intensity, []int{s[0], 1, s[2], s[3]})
}

// AmplitudeSquares is sum (sqrt(I+eps) - d)^2 over all pixels of all patterns, with the modelled intensity I and
// measured amplitudes d of equal shape. Counts of Poisson's statistics have square roots of one variance, 1/4, whatever
// their mean: this is their likelihood where there are more than a few. eps keeps the slope at a dark pixel finite.
func AmplitudeSquares(intensity, amplitude *gorgonia.Node, eps float32) *gorgonia.Node {
	return ops.Sum(square(ops.Sub(ops.Sqrt(ops.Affine(intensity, 1, eps)), amplitude)))
}
