package source

import "ptyx/internal/base/ndarray"

// The tools of the layouts: each finds something in an open file, and notes it in the Source if it is there.

// hasAny reports whether the file has one of the paths.
func (s *Source) hasAny(paths ...string) (bool, error) {
	path, err := s.first(paths...)
	return path != "", err
}

// first is the first path that the file has; empty where it has none.
func (s *Source) first(paths ...string) (string, error) {
	for _, path := range paths {
		if there, err := s.file.Has(path); err != nil || there {
			return path, err
		}
	}
	return "", nil
}

// find opens the array at the first path that the file has; its place is empty where there is none.
func (s *Source) find(paths ...string) (member, error) {
	path, err := s.first(paths...)
	if err != nil || path == "" {
		return member{}, err
	}
	a, err := s.file.open(path)
	return member{place: path, array: a}, err
}

// take gives the array at the first path that the file has a name of the contract.
func (s *Source) take(key string, paths ...string) error {
	m, err := s.find(paths...)
	if err == nil && m.place != "" {
		s.members[key] = m
	}
	return err
}

// takeAll gives all arrays at the root of the file their own names.
func (s *Source) takeAll() error {
	arrays, err := s.file.arrays()
	for name, a := range arrays {
		s.members[name] = member{place: name, array: a}
	}
	return err
}

// rename gives an array of an NPZ file a name of the contract, under which messages call it by its own name even if it
// is missing.
func (s *Source) rename(key, own string) {
	s.members[key] = member{place: own, array: s.members[own].array}
}

// number is a number of a file.
type number struct {
	into *float64
	path string
}

// numbers reads optional numbers.
func (s *Source) numbers(list ...number) error {
	for _, n := range list {
		if _, err := s.number(n.into, n.path); err != nil {
			return err
		}
	}
	return nil
}

// number reads a single number if it is there: of a list, one for each pattern, the first.
func (s *Source) number(into *float64, path string) (present bool, err error) {
	m, err := s.find(path)
	if err != nil || m.place == "" {
		return false, err
	}
	if s.isNPZ() { // where None, or a list of another meaning, counts as absent
		h, err := m.Header()
		if err != nil || h.Pickled() || !h.Real() || ndarray.Size(h.Shape) != 1 {
			return false, err
		}
	}
	values, err := m.Float64s()
	if err != nil {
		return false, err
	}
	if len(values) == 0 {
		return false, s.Fault(m.place, "no value", "a number", "")
	}
	*into = values[0]
	return true, nil
}

func (s *Source) isNPZ() bool { _, is := s.file.(npzFile); return is }

// flatFacts reads numbers and the mask of a file without groups, such as every NPZ file, under the names that ptyx and
// ptychodus give them.
func (s *Source) flatFacts() error {
	f := &s.Facts
	if err := s.numbers(
		number{&f.EnergyEV, "probe_energy_eV"},
		number{&f.EnergyEV, "photon_energy_eV"},
		number{&f.DistanceM, "detector_object_distance_m"},
		number{&f.DetectorPixelX, "detector_pixel_width_m"},
		number{&f.DetectorPixelY, "detector_pixel_height_m"},
		number{&f.PixelX, "object_pixel_width_m"},
		number{&f.PixelY, "object_pixel_height_m"},
	); err != nil {
		return err
	}
	if err := s.objectPlace(""); err != nil {
		return err
	}
	var err error
	f.Bad, err = s.image("bad_pixels")
	return err
}

// objectPlace reads where the object is, from a group: ptyx keeps its first pixel, ptychodus its centre.
func (s *Source) objectPlace(group string) error {
	corner, err := s.point(group + "object_origin")
	if err != nil || corner != nil {
		s.Facts.Origin = corner
		return err
	}
	centre, err := s.point(group + "object_center")
	if err != nil || centre == nil {
		return err
	}
	return s.originFromCentre(*centre)
}

// point reads a place from two numbers; nil if one is missing.
func (s *Source) point(name string) (*Point, error) {
	var at Point
	hasX, err := s.number(&at.X, name+"_x_m")
	if err != nil {
		return nil, err
	}
	if hasY, err := s.number(&at.Y, name+"_y_m"); err != nil || !hasX || !hasY {
		return nil, err
	}
	return &at, nil
}

// originFromCentre notes where object pixel (0, 0) is, if the centre is pixel (H/2, W/2).
func (s *Source) originFromCentre(centre Point) error {
	f := &s.Facts
	if !s.Has(Object) || f.PixelX == 0 || f.PixelY == 0 {
		return nil
	}
	h, err := s.Header(Object)
	if err != nil || len(h.Shape) < 2 {
		return err
	}
	rows, columns := h.Shape[len(h.Shape)-2], h.Shape[len(h.Shape)-1]
	f.Origin = &Point{centre.X - float64(columns)/2*f.PixelX, centre.Y - float64(rows)/2*f.PixelY}
	return nil
}

// points makes X and Y of a dataset of points, (2, M) or (M, 2 or 3), times the unit in metres. A square one is (2, M)
// unless byRow states that each row is a point.
func (s *Source) points(path string, unit float64, byRow bool) error {
	m, err := s.find(path)
	if err != nil {
		return err
	}
	h, err := m.Header()
	if err != nil {
		return err
	}
	shape := h.Shape
	if len(shape) == 2 && !byRow && shape[0] != 2 && shape[1] == 2 {
		byRow = true
	}
	if len(shape) != 2 || byRow && shape[1] != 2 && shape[1] != 3 || !byRow && shape[0] != 2 {
		expected := "(2, M) or (M, 2)"
		if byRow {
			expected = "(M, 3), a point for each pattern"
		}
		return s.Fault(path, "shape "+h.ShapeText(), expected, "")
	}
	all, err := m.Float64s()
	if err != nil {
		return err
	}
	count, step, next := shape[1], 1, shape[1]
	if byRow {
		count, step, next = shape[0], shape[1], 1
	}
	x, y := make([]float64, count), make([]float64, count)
	for i := range count {
		x[i], y[i] = unit*all[i*step], unit*all[i*step+next]
	}
	s.members[X], s.members[Y] = member{place: path, values: x}, member{place: path, values: y}
	s.Facts.Metres = true
	return nil
}

// image reads an image of the detector's size (H, W) if it is there; of several the mean.
func (s *Source) image(paths ...string) (*ndarray.Float32, error) {
	m, err := s.find(paths...)
	if err != nil || m.place == "" {
		return nil, err
	}
	h, err := m.Header()
	if err != nil {
		return nil, err
	}
	if len(h.Shape) < 2 || len(h.Shape) > 3 {
		return nil, s.Fault(m.place, "shape "+h.ShapeText(), "(H, W), or several of these", "")
	}
	all, err := m.Float32()
	if err != nil || len(all.Shape) == 2 {
		return all, err
	}
	size := ndarray.Size(all.Shape[1:])
	sums := make([]float64, size)
	for i, v := range all.Data {
		sums[i%size] += float64(v)
	}
	mean := ndarray.New[float32](all.Shape[1:]...)
	for i, v := range sums {
		mean.Data[i] = float32(v / float64(all.Shape[0]))
	}
	return mean, nil
}

// patternsAlone reads a file whose patterns are at the first of the paths that it has. Other arrays may stand beside
// them at the root.
func (s *Source) patternsAlone(kind Kind, paths ...string) error {
	s.Facts.Kind = kind
	for _, a := range []struct {
		key   string
		paths []string
	}{
		{Patterns, paths}, {PatternIndex, []string{"indexes"}}, {FrameIDs, []string{FrameIDs}},
		{Probe, []string{"probe", Probe}}, {Object, []string{"object", Object}}, {X, []string{X}}, {Y, []string{Y}},
	} {
		if err := s.take(a.key, a.paths...); err != nil {
			return err
		}
	}
	var err error
	s.Facts.Bad, err = s.image("bad_pixels")
	return err
}
