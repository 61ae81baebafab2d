package validate

import (
	"fmt"
	"slices"
	"strings"

	"ptyx/internal/scan/dataset"
)

const (
	enoughFrames = 24 // below, a pixel's dark may be chance: one of 4096 that is lit every other time stays dark so long in 4096 / 2^24
	hotRatio     = 10 // of a hot pixel to the brightest of its neighbours, on the mean
	hotQuanta    = 20 // and at least so many of the smallest value that was met, so that noise at the dark rim is none
	pileUp       = 10 // values at the very largest level at least, for saturation
)

// pixels are those that do not count photons: dead, hot, saturated.
func (s *survey) pixels(scan *dataset.Scan) []Finding {
	if s.power == 0 {
		return nil
	}
	var findings []Finding
	if dead := s.dead(); len(dead) > 0 {
		findings = append(findings, Finding{
			Severity: Warning, Check: "dead", Key: s.key, Found: fmt.Sprintf("%d %s that never saw light among lit neighbours: %s", len(dead), plural(len(dead), "dead pixel"), s.list(dead)),
			Expected: "none: the physics takes their zeros for darkness", Fix: "replace each by the mean of its neighbours",
		})
	}
	hot := s.hot(scan)
	if len(hot) > 0 {
		findings = append(findings, Finding{
			Severity: Warning, Check: "hot", Key: s.key, Found: fmt.Sprintf("%d %s, more than %d times as bright as all neighbours: %s", len(hot), plural(len(hot), "hot pixel"), hotRatio, s.list(hot)),
			Expected: "none, also as the probe's far field has none there", Fix: "replace each by the mean of its neighbours",
		})
	}
	return append(findings, s.saturated(hot)...)
}

// neighbours are the up to eight pixels around one.
func (s *survey) neighbours(i int) []int {
	var out []int
	row, col := i/s.n, i%s.n
	for r := max(row-1, 0); r <= min(row+1, s.n-1); r++ {
		for c := max(col-1, 0); c <= min(col+1, s.n-1); c++ {
			if j := r*s.n + c; j != i {
				out = append(out, j)
			}
		}
	}
	return out
}

// dead are pixels that were dark in every pattern while their neighbours, by the median, were lit in half of all.
func (s *survey) dead() []int {
	if s.frames < enoughFrames {
		return nil
	}
	var out []int
	for i, lit := range s.lit {
		if lit > 0 {
			continue
		}
		var around []int
		for _, j := range s.neighbours(i) {
			around = append(around, s.lit[j])
		}
		slices.Sort(around)
		if 2*around[len(around)/2] >= s.frames {
			out = append(out, i)
		}
	}
	return out
}

// hot are pixels that stand out of the mean pattern alone, where the probe's far field does not: a narrow direct beam is none.
func (s *survey) hot(scan *dataset.Scan) []int {
	var expected []float64
	if scan.Probe != nil {
		expected = farField(scan.Probe)
	}
	quantum := s.smallest() * hotQuanta / float64(s.frames)
	var out []int
	for i, v := range s.mean {
		around, predicted := 0.0, 0.0
		for _, j := range s.neighbours(i) {
			around = max(around, s.mean[j])
			if expected != nil {
				predicted = max(predicted, expected[j])
			}
		}
		narrow := expected != nil && expected[i] > hotRatio/3*predicted && expected[i] > 0
		if v > hotRatio*around+quantum && !narrow {
			out = append(out, i)
		}
	}
	return out
}

// smallest is a bound of the smallest intensity that is above 0: the mean of the dimmest pixel of those that are lit at all.
func (s *survey) smallest() float64 {
	least := 0.0
	for i, v := range s.mean {
		if s.lit[i] > 0 {
			if each := v * float64(s.frames) / float64(s.lit[i]); least == 0 || each < least {
				least = each
			}
		}
	}
	return least
}

// saturated tells of a largest value that is met so often that the detector could not go beyond: more often than all of the
// next 20 levels together, and by several pixels. Counts that are few have few levels, each met more often than the one above.
func (s *survey) saturated(hot []int) []Finding {
	var clipped []int
	for i, count := range s.peaks {
		if count > 0 && !slices.Contains(hot, i) {
			clipped = append(clipped, i)
		}
	}
	if len(clipped) < 2 || s.top.counts[0] < pileUp || len(s.top.values) <= kept {
		return nil
	}
	next := 0
	for _, count := range s.top.counts[1:] {
		next += count
	}
	if s.top.counts[0] <= next {
		return nil
	}
	return []Finding{{
		Severity: Warning, Check: "saturated", Key: s.key,
		Found:    fmt.Sprintf("the largest value, %g, %d times in %d %s: saturated", s.top.values[0], s.top.counts[0], len(clipped), plural(len(clipped), "pixel")),
		Expected: "a largest value that is met once or a few times", Fix: "measure with less light or a beam stop, or merge exposures",
	}}
}

// shownPixels is how many pixels a finding names.
const shownPixels = 5

// list names pixels by row and column.
func (s *survey) list(pixels []int) string {
	var parts []string
	for _, i := range pixels[:min(len(pixels), shownPixels)] {
		parts = append(parts, fmt.Sprintf("(%d, %d)", i/s.n, i%s.n))
	}
	if len(pixels) > shownPixels {
		parts = append(parts, "...")
	}
	return "[row, column] " + strings.Join(parts, " ")
}
