package dataset

import (
	"fmt"
	"slices"

	"ptyx/internal/scan/source"
)

// match finds the position of each pattern by the numbers that both carry, as in files of ptychodus. It is nil if the
// positions are in the order of the patterns. Patterns without a position are left out if the file of the positions is
// one that may lack some; else they are an error.
func (s *Scan) match(p *positions) ([]int, error) {
	numbered := s.file.Has(source.PatternIndex)
	if !p.file.Has(source.PositionIndex) || !p.separate && !numbered {
		return s.patterns.kept, s.checkKept(p)
	}
	numbers, err := p.file.Int64s(source.PositionIndex)
	if err != nil {
		return nil, err
	}
	at := make(map[int64]int, len(numbers))
	for i, n := range numbers {
		if _, twice := at[n]; twice {
			return nil, p.file.Fault(source.PositionIndex, fmt.Sprintf("the number %d twice", n), "each position once",
				"")
		}
		at[n] = i
	}
	own, err := s.ownNumbers(numbered, numbers, p.file.Facts.Partial)
	if err != nil {
		return nil, err
	}
	var order, kept []int
	for pattern, number := range own {
		if i, found := at[number]; found {
			order, kept = append(order, i), append(kept, s.patterns.placeOf(pattern))
			continue
		}
		if !p.file.Facts.Partial {
			return nil, p.file.Fault(source.PositionIndex, fmt.Sprintf("no position with the number %d", number),
				fmt.Sprintf("one for each of the %d patterns of %s", s.M, s.Path),
				"drop the patterns without a position")
		}
	}
	return order, s.leaveOut(p, kept, own, numbers)
}

// ownNumbers are those of the patterns: the file's, else their places, (M,). Detectors count from 0 or from 1, and some
// from where they last stopped.
func (s *Scan) ownNumbers(numbered bool, of []int64, countsAnywhere bool) ([]int64, error) {
	if numbered {
		return s.numbers(source.PatternIndex)
	}
	first := int64(0)
	if countsAnywhere && len(of) > 0 {
		low, high := slices.Min(of), slices.Max(of)
		n := s.patterns.count
		switch complete := len(of) == n && high-low+1 == int64(n); {
		case complete:
			first = low
		case low >= 1 && high <= int64(n):
			first = 1
		}
	}
	own := make([]int64, s.M)
	for i := range own {
		own[i] = first + int64(s.patterns.placeOf(i))
	}
	return own, nil
}

// leaveOut keeps only some of the patterns: those that have a position.
func (s *Scan) leaveOut(p *positions, kept []int, own, numbers []int64) error {
	if len(kept) == s.M {
		return nil
	}
	if len(kept) == 0 {
		return p.file.Fault(source.PositionIndex,
			fmt.Sprintf("numbers from %d to %d", slices.Min(numbers), slices.Max(numbers)),
			fmt.Sprintf("those of the patterns, %d to %d", slices.Min(own), slices.Max(own)),
			"drop that column if the rows are in the order of the patterns")
	}
	missing := slices.IndexFunc(own, func(n int64) bool { return !slices.Contains(numbers, n) })
	s.log.Warn("patterns without a position are left out", "file", s.Path, "positions", p.file.Path(),
		"patterns", s.M-len(kept), "of", s.M, "first_number", own[missing])
	s.patterns.kept, s.M = kept, len(kept)
	return nil
}

// picked is a stream of some images of another one.
type picked struct {
	raw   source.Stream
	kept  []int     // their numbers, in order
	next  int       // place in kept
	at    int       // number of the next image of raw
	image []float32 // one of raw
}

// pick gives the images of a stream that belong to patterns which are not left out.
func (s *Scan) picked(raw source.Stream, size int) source.Stream {
	if s.patterns.kept == nil {
		return raw
	}
	return &picked{raw: raw, kept: s.patterns.kept, image: make([]float32, size)}
}

func (p *picked) Next(dst []float32) (int, error) {
	size := len(p.image)
	n := 0
	for ; p.next < len(p.kept) && len(dst) >= size; n++ {
		for ; p.at < p.kept[p.next]; p.at++ {
			if err := p.drop(p.kept[p.next] - p.at); err != nil {
				return 0, err
			}
		}
		if _, err := p.raw.Next(dst[:size]); err != nil {
			return 0, err
		}
		p.at, p.next, dst = p.at+1, p.next+1, dst[size:]
	}
	if n > 0 {
		return n, nil
	}
	if s, ok := p.raw.(source.Skipper); ok { // without checksums
		const beyond = 1 << 50
		s.Skip(beyond)
	}
	for { // to the end of the array, where checksums are compared
		if _, err := p.raw.Next(p.image); err != nil {
			return 0, err
		}
	}
}

// drop skips images of raw, count of them or one.
func (p *picked) drop(count int) error {
	if s, ok := p.raw.(source.Skipper); ok {
		s.Skip(count)
		p.at += count - 1
		return nil
	}
	_, err := p.raw.Next(p.image)
	return err
}

// Skip skips n of the images that are kept.
func (p *picked) Skip(n int) { p.next = min(len(p.kept), p.next+n) }

func (p *picked) Close() error { return p.raw.Close() }

// placeOf is the number in the file of pattern id.
func (p *patterns) placeOf(id int) int {
	if p.kept == nil {
		return id
	}
	return p.kept[id]
}
