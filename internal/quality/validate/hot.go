package validate

import "fmt"

const (
	hotRatio  = 10 // mean of a hot pixel, relative to its brightest neighbour
	hotQuanta = 20 // least excess, in units of the smallest value, so that noise at the dark rim is none
)

// hot looks for pixels much brighter than their neighbours.
func hot(x *exam) []Finding {
	found := x.hotPixels()
	if len(found) == 0 {
		return nil
	}
	return []Finding{{
		Severity: Warning, Key: x.key,
		Found: fmt.Sprintf("%d %s, more than %d times as bright as all neighbours: %s",
			len(found), plural(len(found), "hot pixel"), hotRatio, x.list(found)),
		Expected: "none, also as the probe's far field has none there",
		Fix:      "replace each by the mean of its neighbours",
	}}
}

// hotPixels are those that stand out in the mean pattern, but not in the probe's far field: a narrow direct beam is
// none.
func (x *exam) hotPixels() []int {
	if x.power == 0 {
		return nil
	}
	var expected []float64
	if x.probe != nil {
		expected = farField(x.probe)
	}
	quantum := x.smallest() * hotQuanta / float64(x.frames)
	var found []int
	for i, v := range x.mean {
		around, predicted := 0.0, 0.0
		for _, j := range x.neighbours(i) {
			around = max(around, x.mean[j])
			if expected != nil {
				predicted = max(predicted, expected[j])
			}
		}
		narrow := expected != nil && expected[i] > hotRatio/3*predicted && expected[i] > 0
		if v > hotRatio*around+quantum && !narrow {
			found = append(found, i)
		}
	}
	return found
}

// smallest bounds the smallest intensity above 0: the dimmest pixel's mean over the patterns in which it is lit.
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
