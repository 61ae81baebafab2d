package experiments

import "math"

// turnEach is the golden angle, by which a Fermat spiral turns from point to point.
var turnEach = math.Pi * (3 - math.Sqrt(5))

// nextTo is the mean distance of the points of a Fermat spiral from their nearest neighbour, for points at the radius
// sqrt(i).
const nextTo = 1.6

// arrange puts the windows of a group on a Fermat spiral around the middle of the scene. The step is drawn in widths of
// the probe. Windows that would leave the scene stay at its border, so those of wide probes are nearer to each other.
func (w *workspace) arrange(into []*Sample) {
	step := step.log(w.Rand) * w.width / nextTo
	turn := 2 * math.Pi * w.Float64()
	for i, s := range into {
		sin, cos := math.Sincos(turn + float64(i)*turnEach)
		r := step * math.Sqrt(float64(i)+0.5)
		s.Row = w.near(r*sin, step)
		s.Col = w.near(r*cos, step)
	}
}

// near is a coordinate as a stage reaches it, within the scene.
func (w *workspace) near(at, step float64) int {
	half := float64(w.n / 2)
	return int(math.Round(min(half, max(-half, at+jitter*step*w.NormFloat64()))))
}
