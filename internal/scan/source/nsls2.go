package source

import "slices"

// nsls2 is a file of NSLS-II, raw or prepared for its reconstruction: patterns, points in micrometres, and numbers each
// in a unit of its own. A file with patterns in another place is one, too, if it has one of these numbers or the
// points.
var nsls2 = layout{
	name:  "NSLS-II",
	signs: []string{"diffamp", "diff_data/merlin1/det_images"},
	recognise: func(s *Source) (bool, error) {
		if s.isNPZ() {
			return false, nil
		}
		if is, err := s.hasAny(nsls2Patterns[:2]...); err != nil || is {
			return is, err
		}
		if patterns, err := s.hasAny(nsls2Patterns...); err != nil || !patterns {
			return false, err
		}
		return s.hasAny(slices.Concat(nsls2Points, []string{"z_m", "ccd_pixel_um", "lambda_nm", "energy_kev"})...)
	},
	read: func(s *Source) error {
		kind := Counts
		if amplitudes, err := s.hasAny("diffamp"); err != nil {
			return err
		} else if amplitudes {
			kind = Amplitudes
		}
		if err := s.patternsAlone(kind, nsls2Patterns...); err != nil {
			return err
		}
		f := &s.Facts
		var micrometres, nanometres, kiloEV float64
		if err := s.numbers(
			number{&f.DistanceM, "z_m"}, number{&micrometres, "ccd_pixel_um"},
			number{&nanometres, "lambda_nm"}, number{&kiloEV, "energy_kev"},
		); err != nil {
			return err
		}
		f.DetectorPixelX, f.DetectorPixelY = 1e-6*micrometres, 1e-6*micrometres
		switch {
		case nanometres > 0:
			f.EnergyEV = planckC / (1e-9 * nanometres)
		case kiloEV > 0:
			f.EnergyEV = 1e3 * kiloEV
		}
		points, err := s.first(nsls2Points...)
		if err != nil || points == "" || s.Has(X) {
			return err
		}
		return s.points(points, 1e-6, false)
	},
}

// nsls2Patterns are the places of the patterns, those that only NSLS-II has first; nsls2Points those of the positions.
var (
	nsls2Patterns = []string{
		"diffamp", "diff_data/merlin1/det_images", "dp", "patterns", "entry/data/data", "exchange/data",
		"entry/instrument/detector/data", "entry/instrument/detector_1/data",
	}
	nsls2Points = []string{"points", "scan/scan_positions"}
)
