package solve

// inertia is the share of a pass's change with which the next pass begins (heavy ball: Polyak, USSR Comput. Math. Math. Phys. 4 (5),
// 1, 1964). Small steps that point the same way pass after pass, as those of low frequencies do, add up.
const inertia = 0.8

// snapshot is object and probe at some moment.
type snapshot struct{ objectRe, objectIm, probeRe, probeIm []float32 }

func (s *state) parts() [4][]float32 {
	return [4][]float32{s.object.re, s.object.im, s.probeRe.Data, s.probeIm.Data}
}

// carryOn moves object and probe on by a share of their change since the last snapshot, and returns a snapshot of where they were.
func (s *state) carryOn(last *snapshot) *snapshot {
	first := last == nil
	if first {
		last = &snapshot{make([]float32, len(s.object.re)), make([]float32, len(s.object.re)), make([]float32, len(s.probeRe.Data)), make([]float32, len(s.probeRe.Data))}
	}
	before := [4][]float32{last.objectRe, last.objectIm, last.probeRe, last.probeIm}
	for k, now := range s.parts() {
		for i, v := range now {
			if !first {
				now[i] += inertia * (v - before[k][i])
			}
			before[k][i] = v
		}
	}
	return last
}

// patience is how many passes may go by without gain, and tolerance the share of the residual that counts as one.
const (
	patience  = 4
	tolerance = 0.002
)

// stalled tells whether the residuals no longer fall.
func stalled(history []float64) bool {
	last := len(history) - 1
	return last >= patience && !(history[last] < (1-tolerance)*history[last-patience])
}
