package dataset

import "math"

// EachCounts hands over the patterns as intensities, one after the other, N*N values each: as the file has them, or squares of
// amplitudes. Squares within float32's precision of a whole number become it: square roots of counts give back the counts.
func (s *Scan) EachCounts(hand func(pattern []float32) error) error {
	stream, err := s.stream()
	if err != nil {
		return err
	}
	defer stream.Close()
	pattern := make([]float32, s.N*s.N)
	for number := range s.M {
		if _, err := stream.Next(pattern); err != nil {
			return err
		}
		if err := s.measured(pattern, number); err != nil {
			return err
		}
		if s.Input == Amplitude {
			squared(pattern)
		}
		if err := hand(pattern); err != nil {
			return err
		}
	}
	return nil
}

// squared makes intensities of amplitudes.
func squared(pattern []float32) {
	const precision = 1.0 / (1 << 22) // of a square of a float32: twice its rounding of 2^-24, and as much again for the root's
	for i, v := range pattern {
		square := float64(v) * float64(v)
		if whole := math.Round(square); math.Abs(square-whole) <= precision*square {
			square = whole
		}
		pattern[i] = float32(square)
	}
}
