package validate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"ptyx/internal/scan/dataset"
)

// survey is the result of one pass over all patterns. Intensities are in the unit of the file, or its square if it
// holds amplitudes. Pixels that are no finite number of 0 or more are counted and otherwise taken as 0.
type survey struct {
	n, frames int
	key       string // of the patterns

	mean  []float64 // (N, N), intensity
	mean2 []float64 // (N, N), square of the intensity
	lit   []int     // (N, N), in how many patterns the pixel is above 0
	least []float64 // (N, N), the smallest intensity of the pixel
	power float64   // sum of all intensities
	light []int     // patterns with light

	bad      [3]badPixels // by kind
	integers bool         // all values are whole numbers
	roots    bool         // all squares of values are whole numbers, to float32's precision
	top      levels       // the largest values
	peaks    []int        // (N, N), in how many patterns the pixel holds the largest value
}

// badPixels counts the pixels of one kind that are no measurement.
type badPixels struct {
	count           int
	frame, row, col int // of the first
	value           float64
	patterns        int // patterns with such pixels
	latest          int // the last of them, plus 1
}

const (
	kindNaN = iota
	kindInf
	kindNegative
)

// chunk is the number of patterns read at a time.
const chunk = 8

// newSurvey passes over the first count patterns.
func newSurvey(ctx context.Context, scan *dataset.Scan, count int) (*survey, error) {
	size := scan.N * scan.N
	s := &survey{
		n: scan.N, frames: count, key: scan.PatternsKey(), integers: true, roots: true,
		mean: make([]float64, size), mean2: make([]float64, size), lit: make([]int, size), peaks: make([]int, size),
		least: slices.Repeat([]float64{math.Inf(1)}, size),
	}
	stream, err := scan.Raw()
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	buffer := make([]float32, chunk*size)
	for at := 0; ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if at == count && count < scan.M {
			break
		}
		n, err := stream.Next(buffer[:min(chunk, max(1, count-at))*size])
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for i := range n {
			s.add(buffer[i*size:(i+1)*size], at+i, scan.Input)
		}
		at += n
	}
	for i := range s.mean {
		s.mean[i] /= float64(s.frames)
		s.mean2[i] /= float64(s.frames)
	}
	return s, nil
}

// add counts one pattern.
func (s *survey) add(frame []float32, number int, input dataset.InputKind) {
	before := s.power
	for i, v := range frame {
		if !(v >= 0 && v <= math.MaxFloat32) { // also false for NaN
			s.addBad(number, i, float64(v))
			continue
		}
		value := float64(v)
		square := value * value
		s.integers = s.integers && value == math.Trunc(value)
		s.roots = s.roots && math.Abs(square-math.Round(square)) <= rootError*max(square, 1)
		switch s.top.add(value) {
		case above:
			clear(s.peaks)
			s.peaks[i] = 1
		case equal:
			s.peaks[i]++
		}
		if value == 0 {
			s.least[i] = 0
			continue
		}
		s.lit[i]++
		if input == dataset.Amplitude {
			value = square
		}
		s.least[i] = min(s.least[i], value)
		s.mean[i] += value
		s.mean2[i] += value * value
		s.power += value
	}
	if s.power > before {
		s.light = append(s.light, number)
	}
}

// contrast is how much the patterns differ from each other, sum of the variances / sum of the mean squares, less the
// shot noise of counts. On simulated scans it is 0.01 to 0.2 behind objects that scatter weakly, also for the measured
// star, and 0.55 to 1 behind a diffuser, whose mean pattern does not show the probe's far field.
func (s *survey) contrast() float64 {
	variance, squares := 0.0, 0.0
	for i, m := range s.mean {
		variance, squares = variance+s.mean2[i]-m*m, squares+m*m
		if s.integers || s.roots {
			variance -= m
		}
	}
	return variance / squares
}

// diffuse is a contrast of patterns that are speckles.
const diffuse = 0.3

// rootError is the relative error of the square of a float32: two roundings of 2^-24, and a little more.
const rootError = 2e-7

// addBad counts a pixel that is no measurement.
func (s *survey) addBad(frame, pixel int, value float64) {
	kind := kindNegative
	switch {
	case math.IsNaN(value):
		kind = kindNaN
	case math.IsInf(value, 0):
		kind = kindInf
	}
	b := &s.bad[kind]
	if b.count == 0 {
		b.frame, b.row, b.col, b.value = frame, pixel/s.n, pixel%s.n, value
	}
	if b.latest != frame+1 {
		b.patterns, b.latest = b.patterns+1, frame+1
	}
	b.count++
}

// broken reports whether some pixel is no measurement, which training refuses.
func (s *survey) broken() bool {
	return s.bad[kindNaN].count+s.bad[kindInf].count+s.bad[kindNegative].count > 0
}

// neighbours lists the up to eight pixels around one.
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

// shownPixels is the number of pixels that a finding names.
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

// levels are the largest different values and how often each occurs.
type levels struct {
	values []float64 // descending
	counts []int
}

// kept is the number of levels kept below the largest.
const kept = 20

// How a value compares with the largest before it.
const (
	below = iota
	equal
	above
)

// add counts a value, and reports how it compares with the largest so far.
func (l *levels) add(v float64) int {
	last := len(l.values) - 1
	if last == kept && v < l.values[last] {
		return below
	}
	at := 0
	for at <= last && l.values[at] > v {
		at++
	}
	switch {
	case at <= last && l.values[at] == v:
		l.counts[at]++
		if at == 0 {
			return equal
		}
		return below
	case last < kept:
		l.values, l.counts = append(l.values, 0), append(l.counts, 0)
	}
	copy(l.values[at+1:], l.values[at:])
	copy(l.counts[at+1:], l.counts[at:])
	l.values[at], l.counts[at] = v, 1
	if at == 0 {
		return above
	}
	return below
}
