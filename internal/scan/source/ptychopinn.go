package source

// ptychoPINN is PtychoPINN's own layout: the contract's names at the root of an NPZ or HDF5 file. An NPZ file in no
// other layout is read as this one.
var ptychoPINN = layout{
	name:  "PtychoPINN",
	signs: []string{Patterns, PatternsAlias},
	recognise: func(r *reader) bool {
		return r.has(Patterns, PatternsAlias) || r.isNPZ() && !r.has("patterns")
	},
	read: func(r *reader) {
		r.takeAll()
		r.flatFacts()
	},
}
