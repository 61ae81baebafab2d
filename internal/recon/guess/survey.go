package guess

import (
	"cmp"
	"context"
	"math"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/stream"
	"ptyx/internal/scan/dataset"
	"ptyx/internal/scan/grouping"
)

// survey is what a sample of the patterns says of all.
type survey struct {
	scan   *dataset.Scan
	mean   []float64   // (N, N), intensity
	blocks [][]float32 // (M), of each pattern that was read, its intensity in squares of the detector; else nil
	usual  []float64   // mean of blocks over the sample
	power  float64
}

const (
	blocksPerSide = 8   // divides a pattern for the search of contrast
	surveyed      = 512 // patterns of a sample, at most
)

// newSurvey reads a sample of the patterns.
func newSurvey(ctx context.Context, scan *dataset.Scan, seed uint64) (*survey, error) {
	s := &survey{
		scan: scan, mean: make([]float64, scan.N*scan.N), blocks: make([][]float32, scan.M),
		usual: make([]float64, blocksPerSide*blocksPerSide),
	}
	ids := spread(scan.M, surveyed, seed)
	err := scan.EachSelected(ids, func(id int, pattern []float32) error {
		s.blocks[id] = s.blocksOf(pattern)
		for i, d := range pattern {
			if scan.Measured == nil || scan.Measured[i] {
				intensity := float64(d) * float64(d)
				s.mean[i] += intensity
				s.power += intensity
			}
		}
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
	for _, id := range ids {
		for i, v := range s.blocks[id] {
			s.usual[i] += float64(v) / float64(len(ids))
		}
	}
	for i := range s.mean {
		s.mean[i] /= float64(len(ids))
	}
	s.fill()
	return s, nil
}

// spread draws count of so many patterns, or all: one of each part of the scan. Equal distances could hit the same
// place of every row of a raster.
func spread(patterns, count int, seed uint64) []int {
	count = min(count, patterns)
	random := stream.New(seed, "guess/survey")
	ids := make([]int, count)
	for k := range ids {
		first, next := k*patterns/count, (k+1)*patterns/count
		ids[k] = first + random.IntN(next-first)
	}
	return ids
}

// blocksOf is the intensity of a pattern in squares of the detector.
func (s *survey) blocksOf(pattern []float32) []float32 {
	n := s.scan.N
	blocks := make([]float32, blocksPerSide*blocksPerSide)
	for i, d := range pattern {
		if s.scan.Measured == nil || s.scan.Measured[i] {
			blocks[i/n*blocksPerSide/n*blocksPerSide+i%n*blocksPerSide/n] += float32(float64(d) * float64(d))
		}
	}
	return blocks
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
func (s *survey) members(ctx context.Context, count int, leastDistance float64) ([]int, error) {
	x, y := s.scan.X, s.scan.Y
	thin := grouping.Apart(x, y, leastDistance)
	centre, err := s.liveliest(ctx, thin, count)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(thin, func(a, b int) int {
		da, db := math.Hypot(x[a]-x[centre], y[a]-y[centre]), math.Hypot(x[b]-x[centre], y[b]-y[centre])
		return cmp.Or(cmp.Compare(da, db), cmp.Compare(a, b))
	})
	thin = thin[:min(len(thin), count)]
	slices.Sort(thin) // the order of the file
	return thin, nil
}

const (
	centres = 24 // places that are compared
	looked  = 16 // patterns of a place whose contrast is compared, at most
)

// place is a pattern and those near it.
type place struct {
	id   int
	near []int
}

// liveliest is the pattern around which count of the given patterns differ most from the mean pattern. Places at the
// rim of the scan, with half as many patterns around them, do not count.
func (s *survey) liveliest(ctx context.Context, ids []int, count int) (int, error) {
	x, y := s.scan.X, s.scan.Y
	radius, crowd := s.radius(ids, count), 0
	var places []place
	for k := range min(centres, len(ids)) {
		p := place{id: ids[k*len(ids)/min(centres, len(ids))]}
		for _, i := range ids {
			if math.Hypot(x[i]-x[p.id], y[i]-y[p.id]) <= radius {
				p.near = append(p.near, i)
			}
		}
		crowd = max(crowd, len(p.near))
		places = append(places, p)
	}
	if err := s.look(ctx, places); err != nil {
		return 0, err
	}
	best, most := ids[0], -1.0
	for _, p := range places {
		if c := s.contrast(p.near); 4*len(p.near) >= 3*crowd && c > most {
			best, most = p.id, c
		}
	}
	return best, nil
}

// look reads some patterns of each place, unless the sample has them.
func (s *survey) look(ctx context.Context, places []place) error {
	var missing []int
	for _, p := range places {
		count := min(looked, len(p.near))
		for k := range count {
			if id := p.near[k*len(p.near)/count]; s.blocks[id] == nil {
				missing = append(missing, id)
			}
		}
	}
	return s.scan.EachSelected(missing, func(id int, pattern []float32) error {
		s.blocks[id] = s.blocksOf(pattern)
		return ctx.Err()
	})
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
	return grouping.MedianDistance(x, y) * math.Sqrt(float64(count)/math.Pi)
}

// contrast is how far patterns are from the mean pattern, the mean of sum (sqrt(I) - sqrt(mean))^2 / sum I over the
// blocks. Only patterns that were read count. It is 0 for dark patterns.
func (s *survey) contrast(ids []int) float64 {
	total, read := 0.0, 0
	for _, id := range ids {
		if s.blocks[id] == nil {
			continue
		}
		read++
		sum, power := 0.0, 0.0
		for i, v := range s.blocks[id] {
			d := math.Sqrt(float64(v)) - math.Sqrt(s.usual[i])
			sum += d * d
			power += float64(v)
		}
		if power > 0 {
			total += sum / power
		}
	}
	return total / float64(max(1, read))
}
