package source

// dataExchange is a Data Exchange file of the Advanced Photon Source: patterns, counts. Positions come from another
// file.
var dataExchange = layout{
	name:  "Data Exchange",
	signs: []string{"exchange/data"},
	read:  func(r *reader) { r.patternsAlone(Counts, "exchange/data") },
}
