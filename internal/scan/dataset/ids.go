package dataset

import (
	"fmt"

	"ptyx/internal/scan/source"
)

// FrameIDs are the numbers that tell the patterns apart from those of the scan's other files: the file's ids, else the indexes that
// ptychodus gives patterns. They are (M,), or nil where the file has none.
func (s *Scan) FrameIDs() ([]int64, error) {
	for _, key := range []string{source.FrameIDs, source.PatternIndex} {
		if !s.file.Has(key) {
			continue
		}
		ids, err := s.file.Int64s(key)
		if err != nil {
			return nil, err
		}
		if len(ids) < s.M {
			return nil, s.fault(key, fmt.Sprintf("%d values", len(ids)), fmt.Sprintf("%d, one for each pattern", s.M), "")
		}
		return ids[:s.M], nil
	}
	return nil, nil
}
