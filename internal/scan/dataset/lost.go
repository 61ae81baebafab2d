package dataset

import (
	"fmt"
	"strings"
)

// dropLost leaves out the patterns that no file holds.
func (s *Scan) dropLost() {
	lost := s.file.Facts.Lost
	if lost == nil {
		return
	}
	next, missing := 0, 0
	for _, span := range lost.Frames {
		for ; next < min(span.First, s.patterns.count); next++ {
			s.patterns.kept = append(s.patterns.kept, next)
		}
		next = span.First + span.Count
	}
	for ; next < s.patterns.count; next++ {
		s.patterns.kept = append(s.patterns.kept, next)
	}
	if missing = s.patterns.count - len(s.patterns.kept); missing == 0 { // the file grows, and no more were asked for
		s.patterns.kept = nil
		return
	}
	s.M = len(s.patterns.kept)
	const most = 4 // names
	files := strings.Join(lost.Files[:min(most, len(lost.Files))], ", ")
	if len(lost.Files) > most {
		files += ", ..."
	}
	s.log.Warn("patterns are left out, because their data files are missing or too short",
		"file", s.Path, "patterns", missing, "of", s.patterns.count, "missing", files)
}

// checkKept refuses positions that do not reach to the last pattern. Without numbers of their own, they belong to the
// patterns in the order of the scan, the lost ones included.
func (s *Scan) checkKept(p *positions) error {
	if s.patterns.kept == nil {
		return nil
	}
	n, err := vectorLength(p.file, KeyX)
	if err != nil {
		return err
	}
	if last := s.patterns.kept[s.M-1]; n <= last {
		return p.file.Fault(KeyX, fmt.Sprintf("%d positions", n),
			fmt.Sprintf("at least %d, one for each pattern up to the last one that was written", last+1),
			"give the positions of the lost patterns, too, or a column with the number of each pattern")
	}
	return nil
}
