package source

// lima is a file of LIMA, the detector software of the ESRF: counts, and the size of the detector's pixels in metres.
// Positions come from the scan's file.
var lima = layout{
	name:  "LIMA",
	signs: []string{"entry_0000/measurement/data"},
	read: func(r *reader) {
		f := &r.Facts
		f.Kind = Counts
		r.stackAt("entry_0000/measurement/data")
		names, _ := r.insideOf("entry_0000/instrument")
		for _, name := range names {
			pixel := "entry_0000/instrument/" + name + "/detector_information/pixel_size/"
			r.quantity(&f.DetectorPixelX, lengths, 1, pixel+"xsize")
			r.quantity(&f.DetectorPixelY, lengths, 1, pixel+"ysize")
		}
	},
}
