package solve

import "slices"

// momentum is the share of a pass's change by which the next pass starts further on. The gradient is that of the
// extrapolated point, which is Nesterov's form (Soviet Math. Dokl. 27, 372, 1983), here with a constant share. Small
// steps that point the same way in every pass, as those of low frequencies do, add up.
const momentum = 0.8

// unknowns are the planes of object and probe, real and imaginary part each.
type unknowns struct{ object, probe [2][]float32 }

// unknowns are object and probe themselves, not a copy.
func (s *state) unknowns() unknowns {
	return unknowns{
		object: [2][]float32{s.object.re, s.object.im}, probe: [2][]float32{s.probeRe.Data, s.probeIm.Data},
	}
}

func (u unknowns) list() [4][]float32 {
	return [4][]float32{u.object[0], u.object[1], u.probe[0], u.probe[1]}
}

func (u unknowns) clone() *unknowns {
	c := unknowns{}
	c.take(u)
	return &c
}

// take overwrites the unknowns by a copy of others.
func (u *unknowns) take(other unknowns) {
	for i := range 2 {
		u.object[i] = append(u.object[i][:0], other.object[i]...)
		u.probe[i] = append(u.probe[i][:0], other.probe[i]...)
	}
}

// extrapolate continues object and probe by a share of their change since the last call, and returns their values
// before it. last, nil at first, is overwritten.
func (s *state) extrapolate(last *unknowns) *unknowns {
	now := s.unknowns()
	if last == nil {
		return now.clone()
	}
	before, share := last.list(), float32(momentum*s.stepShare)
	for k, values := range now.list() {
		for i, v := range values {
			values[i] += share * (v - before[k][i])
			before[k][i] = v
		}
	}
	return last
}

// A method has stalled after patience passes without a gain of the share tolerance.
const (
	patience  = 5
	tolerance = 0.002
)

// stalled reports whether the likelihoods no longer fall: the lowest of the last few is not below the lowest before.
func stalled(history []float64) bool {
	before := len(history) - patience
	return before >= 1 && !(slices.Min(history[before:]) < (1-tolerance)*slices.Min(history[:before]))
}
