package source

// ptychodusPatterns is a file of patterns alone, counts, as ptychodus, fold_slice and PtychoShelves write them.
// Positions come from another file, or stand beside them as in PtychoPINN's layout.
var ptychodusPatterns = layout{
	name:  "ptychodus patterns",
	signs: []string{"dp", "patterns"},
	read: func(r *reader) {
		if !r.isNPZ() {
			r.patternsAlone(Counts, "dp", "patterns")
			return
		}
		r.takeAll()
		r.takeNPZPatterns()
		r.flatFacts()
	},
}

// takeNPZPatterns names the patterns of an NPZ file that does not have them under the contract's name.
func (r *reader) takeNPZPatterns() {
	if !r.Has(Patterns) && !r.Has(PatternsAlias) && r.Has("patterns") {
		r.Facts.Kind = Counts
		r.rename(Patterns, "patterns")
		r.rename(PatternIndex, "indexes")
	}
}
