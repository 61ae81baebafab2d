package solve

import (
	"sync"

	"ptyx/internal/base/ndarray"
)

// Patterns are the amplitudes of a scan in roots of counts, (M, N, N), with zero frequency at [N/2, N/2]. They may be
// packed or on disk: a solver reads them pattern by pattern, in another order in each pass.
type Patterns interface {
	Count() int // M
	Side() int  // N
	// Read copies pattern id, (N, N), to pattern. Several goroutines may call it at once.
	Read(id int, pattern []float32) error
}

// Amplitudes are patterns in memory, (M, N, N).
type Amplitudes struct{ *ndarray.Float32 }

// Count is the number of patterns.
func (a Amplitudes) Count() int { return a.Shape[0] }

// Side is the number of pixels of a pattern along an axis.
func (a Amplitudes) Side() int { return a.Shape[1] }

// Read copies a pattern.
func (a Amplitudes) Read(id int, pattern []float32) error {
	copy(pattern, part(a.Float32, id, a.Side()*a.Side()))
	return nil
}

// eachPattern calls do with every pattern, in order; do must not keep it.
func eachPattern(p Patterns, do func(id int, pattern []float32)) error {
	pattern := make([]float32, p.Side()*p.Side())
	for id := range p.Count() {
		if err := p.Read(id, pattern); err != nil {
			return err
		}
		do(id, pattern)
	}
	return nil
}

// Light is sum d^2 of all patterns, at all pixels.
func (p Problem) Light() (sum float64, err error) {
	err = eachPattern(p.Patterns, func(_ int, pattern []float32) {
		for _, d := range pattern {
			sum += float64(d) * float64(d)
		}
	})
	return sum, err
}

// chosen are some patterns of others.
type chosen struct {
	Patterns
	ids []int
}

func (c chosen) Count() int { return len(c.ids) }

func (c chosen) Read(id int, pattern []float32) error { return c.Patterns.Read(c.ids[id], pattern) }

// central are the middles of patterns, side x side pixels.
type central struct {
	Patterns
	side   int
	frames *sync.Pool // of *[]float32, (N, N), work space
}

func newCentral(p Patterns, side int) central {
	return central{p, side, &sync.Pool{New: func() any {
		frame := make([]float32, p.Side()*p.Side())
		return &frame
	}}}
}

func (c central) Side() int { return c.side }

func (c central) Read(id int, pattern []float32) error {
	frame := c.frames.Get().(*[]float32)
	defer c.frames.Put(frame)
	if err := c.Patterns.Read(id, *frame); err != nil {
		return err
	}
	n := c.Patterns.Side()
	first := n/2 - c.side/2
	for r := range c.side {
		copy(pattern[r*c.side:][:c.side], (*frame)[(first+r)*n+first:])
	}
	return nil
}

// Differences is sum (d - mean)^2 / sum d^2 over the measured pixels of all patterns: the residual that the mean
// pattern would leave in place of a model. An object that explains how the patterns differ leaves much less.
func (p Problem) Differences() (share float64, err error) {
	n := p.Patterns.Side()
	sums, squares := make([]float64, n*n), 0.0
	err = eachPattern(p.Patterns, func(_ int, pattern []float32) {
		for i, d := range pattern {
			if p.Measured == nil || p.Measured[i] {
				sums[i] += float64(d)
				squares += float64(d) * float64(d)
			}
		}
	})
	if err != nil || squares == 0 {
		return 0, err
	}
	common := 0.0
	for _, sum := range sums {
		common += sum * sum / float64(p.Patterns.Count())
	}
	return 1 - common/squares, nil
}
