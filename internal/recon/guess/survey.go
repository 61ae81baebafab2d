package guess

import (
	"cmp"
	"context"
	"math"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/grouping"
)

// survey is the result of one pass over the patterns.
type survey struct {
	scan   *dataset.Scan
	mean   []float64   // (N, N), intensity
	blocks [][]float32 // of each pattern, its intensity in squares of the detector
	power  float64
}

// blocksPerSide divides a pattern for the search of contrast.
const blocksPerSide = 8

func newSurvey(ctx context.Context, scan *dataset.Scan) (*survey, error) {
	n := scan.N
	s := &survey{scan: scan, mean: make([]float64, n*n)}
	err := scan.EachAmplitude(func(pattern []float32) error {
		blocks := make([]float32, blocksPerSide*blocksPerSide)
		for i, d := range pattern {
			if scan.Measured != nil && !scan.Measured[i] {
				continue
			}
			intensity := float64(d) * float64(d)
			s.mean[i] += intensity
			s.power += intensity
			blocks[i/n*blocksPerSide/n*blocksPerSide+i%n*blocksPerSide/n] += float32(intensity)
		}
		s.blocks = append(s.blocks, blocks)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	if !(s.power > 0) {
		return nil, &badinput.Error{
			File: scan.Path, Key: scan.PatternsKey(), Found: "patterns that are zero everywhere",
			Expected: "some light",
		}
	}
	for i := range s.mean {
		s.mean[i] /= float64(len(s.blocks))
	}
	s.fill()
	return s, nil
}

// fill replaces unmeasured pixels of the mean pattern by their mirror images about zero frequency, which an object that
// scatters weakly makes alike, or by the dimmest pixel if these are unmeasured too.
func (s *survey) fill() {
	measured, n := s.scan.Measured, s.scan.N
	if measured == nil {
		return
	}
	least := math.Inf(1)
	for i, v := range s.mean {
		if measured[i] {
			least = min(least, v)
		}
	}
	for i := range s.mean {
		if measured[i] {
			continue
		}
		s.mean[i] = least
		if j := (2*n-i/n)%n*n + (2*n-i%n)%n; measured[j] {
			s.mean[i] = s.mean[j]
		}
	}
}

// members are the patterns that try the candidates: about count patterns near each other where the patterns differ
// most. An empty part of the sample would fit any probe. Positions closer than leastDistance to one that is taken are
// left out: patterns of the same place say the same.
func (s *survey) members(count int, leastDistance float64) []int {
	x, y := s.scan.X, s.scan.Y
	thin := thinned(x, y, leastDistance)
	centre := s.liveliest(thin, count)
	slices.SortFunc(thin, func(a, b int) int {
		da, db := math.Hypot(x[a]-x[centre], y[a]-y[centre]), math.Hypot(x[b]-x[centre], y[b]-y[centre])
		return cmp.Or(cmp.Compare(da, db), cmp.Compare(a, b))
	})
	thin = thin[:min(len(thin), count)]
	slices.Sort(thin) // the order of the file
	return thin
}

// thinned takes positions in their order, unless an earlier one is nearer than least.
func thinned(x, y []float64, least float64) []int {
	type cell [2]int
	taken := map[cell][]int{}
	var out []int
	for i := range x {
		at := cell{int(math.Floor(y[i] / least)), int(math.Floor(x[i] / least))}
		free := true
		for r := at[0] - 1; r <= at[0]+1; r++ {
			for c := at[1] - 1; c <= at[1]+1; c++ {
				for _, j := range taken[cell{r, c}] {
					free = free && math.Hypot(x[i]-x[j], y[i]-y[j]) >= least
				}
			}
		}
		if free {
			taken[at] = append(taken[at], i)
			out = append(out, i)
		}
	}
	return out
}

// centres is the number of places that are compared.
const centres = 24

// liveliest is the pattern around which count of the given patterns differ most from the mean pattern. Places at the
// rim of the scan, with half as many patterns around them, do not count.
func (s *survey) liveliest(ids []int, count int) int {
	x, y := s.scan.X, s.scan.Y
	contrast := s.contrast()
	radius := s.radius(ids, count)
	best, most, crowd := ids[0], -1.0, 0
	type place struct {
		id, around int
		contrast   float64
	}
	var places []place
	for k := range min(centres, len(ids)) {
		p := place{id: ids[k*len(ids)/min(centres, len(ids))]}
		for _, i := range ids {
			if math.Hypot(x[i]-x[p.id], y[i]-y[p.id]) <= radius {
				p.around++
				p.contrast += contrast[i]
			}
		}
		crowd = max(crowd, p.around)
		places = append(places, p)
	}
	for _, p := range places {
		if mean := p.contrast / float64(p.around); 4*p.around >= 3*crowd && mean > most {
			best, most = p.id, mean
		}
	}
	return best
}

// radius is that of a disk with about count of the given positions.
func (s *survey) radius(ids []int, count int) float64 {
	if len(ids) <= count {
		return math.Inf(1)
	}
	var x, y []float64
	for _, i := range ids {
		x, y = append(x, s.scan.X[i]), append(y, s.scan.Y[i])
	}
	distances := make([]float64, len(x))
	for i, j := range grouping.Neighbours(x, y) {
		distances[i] = math.Hypot(x[i]-x[j], y[i]-y[j])
	}
	slices.Sort(distances)
	return distances[len(distances)/2] * math.Sqrt(float64(count)/math.Pi)
}

// contrast is how far each pattern is from the mean pattern, sum (sqrt(I) - sqrt(mean))^2 / sum I over the blocks. It
// is 0 for dark patterns.
func (s *survey) contrast() []float64 {
	mean := make([]float64, blocksPerSide*blocksPerSide)
	for _, blocks := range s.blocks {
		for i, v := range blocks {
			mean[i] += float64(v) / float64(len(s.blocks))
		}
	}
	out := make([]float64, len(s.blocks))
	for m, blocks := range s.blocks {
		power := 0.0
		for i, v := range blocks {
			d := math.Sqrt(float64(v)) - math.Sqrt(mean[i])
			out[m] += d * d
			power += float64(v)
		}
		if power > 0 {
			out[m] /= power
		} else {
			out[m] = 0
		}
	}
	return out
}
