package source

// ptychodusPatterns is a file of patterns alone, counts, as ptychodus, fold_slice and PtychoShelves write them.
// Positions come from another file, or stand beside them as in PtychoPINN's layout.
var ptychodusPatterns = layout{
	name:  "ptychodus patterns",
	signs: []string{"dp", "patterns"},
	read: func(s *Source) error {
		if !s.isNPZ() {
			return s.patternsAlone(Counts, "dp", "patterns")
		}
		if err := s.takeAll(); err != nil {
			return err
		}
		s.takeNPZPatterns()
		return s.flatFacts()
	},
}

// takeNPZPatterns names the patterns of an NPZ file that does not have them under the contract's name.
func (s *Source) takeNPZPatterns() {
	if !s.Has(Patterns) && !s.Has(PatternsAlias) && s.Has("patterns") {
		s.Facts.Kind = Counts
		s.rename(Patterns, "patterns")
		s.rename(PatternIndex, "indexes")
	}
}
