package solve

import (
	"math"
	"slices"

	"ptyx/internal/base/badinput"
)

// newSupport marks the pixels of the probe in a circle around its centre, (N, N), with a diameter of
// Options.ProbeSupport times N. It is nil without such a limit. Like the probe's array, the circle has no border.
func (s *state) newSupport() []bool {
	if s.options.ProbeSupport == 0 {
		return nil
	}
	support := make([]bool, s.n*s.n)
	for q := range support {
		y, x := s.across(float64(q/s.n)-s.start.y), s.across(float64(q%s.n)-s.start.x)
		support[q] = math.Hypot(y, x) <= s.options.ProbeSupport
	}
	return support
}

// clip sets planes (N, N) to 0 outside the support.
func (s *state) clip(planes ...[]float32) {
	if s.support == nil {
		return
	}
	for _, plane := range planes {
		for i := range plane {
			if !s.support[i%len(s.support)] {
				plane[i] = 0
			}
		}
	}
}

// startSupport clips the probe at the start.
func (s *state) startSupport() error {
	s.support = s.newSupport()
	s.clip(s.probeRe.Data, s.probeIm.Data)
	if light, _ := s.light(); !(slices.Max(light) > 0) {
		return &badinput.Error{
			Key: "--probe-support", Found: "a circle where the probe is 0",
			Expected: "one that holds some of its light", Remedy: "give a larger one",
		}
	}
	return nil
}
