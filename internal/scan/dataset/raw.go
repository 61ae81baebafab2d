package dataset

// RawFrames delivers patterns as the file holds them.
type RawFrames interface {
	// Next fills dst with as many whole patterns as it holds and returns how many; 0 and io.EOF at the end.
	Next(dst []float32) (int, error)
	Close() error
}

// Raw begins a pass over the patterns (M, N, N) through the View, as the file holds them: neither checked nor turned into amplitudes.
func (s *Scan) Raw() (RawFrames, error) { return s.stream() }

// PatternsKey is the name under which the file holds its patterns: KeyPatterns or KeyPatternsAlias.
func (s *Scan) PatternsKey() string { return s.patterns.key }

// Layout is how the file holds the patterns: FramesFirst or FramesLast.
func (s *Scan) Layout() Orientation {
	if s.patterns.axes[0] == 2 {
		return FramesLast
	}
	return FramesFirst
}
