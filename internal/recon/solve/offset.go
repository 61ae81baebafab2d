package solve

import (
	"math"

	"ptyx/internal/base/ndarray"
)

// Background that is found.
const (
	offsetFrom  = 2    // first pass in which it moves, if the object started empty
	offsetStart = 0.01 // of the mean intensity
	offsetMost  = 4    // factor by which a pixel changes in a pass, at most
)

// offset is a background intensity that adds to all patterns. After each pass, it is multiplied by the square of the
// mean ratio of measured to modelled amplitudes. This is the step of Richardson and Lucy (Lucy, Astron. J. 79, 745,
// 1974) for roots of counts, and keeps the background positive. Pixels that no light of the sample reaches converge in
// a few passes.
type offset struct {
	*state
	values   *ndarray.Float32 // (1, 1, N, N), in units of the mean intensity
	gradient []float64        // (N, N), of the likelihood, summed over a pass
}

// newOffset is nil without Options.Background.
func newOffset(s *state) *offset {
	if !s.options.Background {
		return nil
	}
	o := &offset{state: s, values: ndarray.New[float32](1, 1, s.n, s.n), gradient: make([]float64, s.n*s.n)}
	for q := range o.values.Data {
		if s.measured == nil || s.measured[q] {
			o.values.Data[q] = offsetStart
		}
	}
	return o
}

// add adds the gradient of a run.
func (o *offset) add(gradient []float32) {
	for q, g := range gradient {
		o.gradient[q] += float64(g)
	}
}

// apply makes the step of a pass.
func (o *offset) apply(pass int) {
	if pass >= offsetFrom || o.hasObject {
		for q, g := range o.gradient {
			// The gradient of the amplitude likelihood is sum (1 - d/|F|) / 2, and near the solution Poisson's, too.
			ratio := 1 - 2*g/float64(len(o.lit))
			factor := ratio * ratio
			if !(ratio > 0) {
				factor = 0
			}
			o.values.Data[q] *= float32(o.stepShare*(min(max(factor, 1./offsetMost), offsetMost)-1) + 1)
		}
	}
	clear(o.gradient)
}

// total is the intensity of the background, summed over the pixels.
func (o *offset) total() (sum float64) {
	if o == nil {
		return 0
	}
	for _, v := range o.values.Data {
		sum += float64(v)
	}
	return sum
}

// counts is the background in the units of the patterns' squares, (N, N).
func (o *offset) counts() *ndarray.Float32 {
	out := ndarray.New[float32](o.n, o.n)
	for q, v := range o.values.Data {
		out.Data[q] = v / float32(o.scale*o.scale)
	}
	return out
}

// amplitudes fills a pattern that the background alone explains, (N, N).
func (o *offset) amplitudes(to []float32) {
	if o == nil {
		clear(to)
		return
	}
	for q, v := range o.values.Data {
		to[q] = float32(math.Sqrt(float64(v) + floorAmplitude))
	}
}
