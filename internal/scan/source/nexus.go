package source

// nexus is a NeXus file of patterns, counts: the raw data of a detector. Positions come from another file.
var nexus = layout{
	name:  "NeXus",
	signs: []string{"entry/data/data", "entry/instrument/detector/data", "entry/instrument/detector_1/data"},
	read: func(r *reader) {
		r.patternsAlone(
			Counts, "entry/data/data", "entry/instrument/detector/data", "entry/instrument/detector_1/data")
	},
}
