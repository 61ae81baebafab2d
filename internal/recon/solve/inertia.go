package solve

import "slices"

// inertia is the share of a pass's change with which the next pass begins (heavy ball: Polyak, USSR Comput. Math. Math. Phys. 4 (5),
// 1, 1964). Small steps that point the same way pass after pass, as those of low frequencies do, add up.
const inertia = 0.8

// parts are object and probe, real and imaginary part each.
type parts struct{ object, probe [2][]float32 }

// now are object and probe themselves, not a copy.
func (s *state) now() parts {
	return parts{object: [2][]float32{s.object.re, s.object.im}, probe: [2][]float32{s.probeRe.Data, s.probeIm.Data}}
}

func (p parts) list() [4][]float32 {
	return [4][]float32{p.object[0], p.object[1], p.probe[0], p.probe[1]}
}

func (p parts) clone() *parts {
	c := parts{}
	for i := range 2 {
		c.object[i], c.probe[i] = slices.Clone(p.object[i]), slices.Clone(p.probe[i])
	}
	return &c
}

// carryOn moves object and probe on by a share of their change since the last time, and returns where they were. last, nil the first
// time, is overwritten.
func (s *state) carryOn(last *parts) *parts {
	now := s.now()
	if last == nil {
		return now.clone()
	}
	before := last.list()
	for k, part := range now.list() {
		for i, v := range part {
			part[i] += inertia * (v - before[k][i])
			before[k][i] = v
		}
	}
	return last
}

// patience is how many passes may go by without gain, and tolerance the share of the residual that counts as one.
const (
	patience  = 5
	tolerance = 0.002
)

// stalled tells whether the residuals no longer fall: the lowest of the last few is not below the lowest before.
func stalled(history []float64) bool {
	before := len(history) - patience
	return before >= 1 && !(slices.Min(history[before:]) < (1-tolerance)*slices.Min(history[:before]))
}
