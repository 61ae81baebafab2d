package source

// ptychoPINN is PtychoPINN's own layout: the contract's names at the root of an NPZ or HDF5 file. An NPZ file in no
// other layout is read as this one.
var ptychoPINN = layout{
	name:  "PtychoPINN",
	signs: []string{Patterns, PatternsAlias},
	recognise: func(s *Source) (bool, error) {
		if is, err := s.hasAny(Patterns, PatternsAlias); err != nil || is {
			return is, err
		}
		other, err := s.hasAny("patterns")
		return s.isNPZ() && !other, err
	},
	read: func(s *Source) error {
		if err := s.takeAll(); err != nil {
			return err
		}
		return s.flatFacts()
	},
}
