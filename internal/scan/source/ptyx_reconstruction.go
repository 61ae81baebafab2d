package source

import "fmt"

// ptyxReconstruction is what ptyx infer and ptyx solve write: an NPZ file of an object that begins at pixel origin of
// the scan's frame.
var ptyxReconstruction = layout{
	name: "ptyx reconstruction",
	recognise: func(s *Source) (bool, error) {
		if !s.isNPZ() {
			return false, nil
		}
		if other, err := s.hasAny(Object); err != nil || other {
			return false, err
		}
		if object, err := s.hasAny("object"); err != nil || !object {
			return false, err
		}
		return s.hasAny("origin")
	},
	read: func(s *Source) error {
		if err := s.takeAll(); err != nil {
			return err
		}
		s.rename(Object, "object")
		s.rename(PositionIndex, Index)
		at, err := s.Int64s("origin")
		if err != nil {
			return err
		}
		const far = 1 << 31
		if len(at) != 2 || max(at[0], -at[0], at[1], -at[1]) > far {
			return s.Fault("origin", fmt.Sprint(at), "row and column of the object's first pixel", "")
		}
		s.Facts.Row, s.Facts.Col = int(at[0]), int(at[1])
		return s.flatFacts()
	},
}
