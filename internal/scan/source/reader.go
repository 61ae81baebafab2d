package source

import (
	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// reader fills a Source from an open file; its methods are the tools of the layouts. What a method looks for may be
// absent. After the first error, which it keeps, every method finds nothing, so that a layout needs no error checks.
type reader struct {
	*Source
	options Options
	err     error
}

// fail keeps an error about a place of the file.
func (r *reader) fail(place, found, expected, remedy string) {
	r.keep(&badinput.Error{File: r.Path(), Key: place, Found: found, Expected: expected, Remedy: remedy})
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// has reports whether the file has one of the paths.
func (r *reader) has(paths ...string) bool { return r.first(paths...) != "" }

// first is the first path that the file has; empty if it has none.
func (r *reader) first(paths ...string) string {
	for _, path := range paths {
		if r.err != nil {
			return ""
		}
		there, err := r.file.Has(path)
		r.keep(err)
		if there {
			return path
		}
	}
	return ""
}

// find opens the array at the first path that the file has; nil if it has none.
func (r *reader) find(paths ...string) (place string, a array) {
	place = r.first(paths...)
	if r.err != nil || place == "" {
		return "", nil
	}
	a, err := r.file.open(place)
	r.keep(err)
	if err != nil {
		return "", nil
	}
	return place, a
}

// values reads the array at the first path that the file has, flattened; nil if it has none.
func (r *reader) values(paths ...string) (place string, v []float64, shape []int) {
	place, a := r.find(paths...)
	if a == nil {
		return "", nil, nil
	}
	h, err := a.Header()
	if err == nil {
		v, err = a.Float64s()
	}
	r.keep(err)
	if err != nil {
		return "", nil, nil
	}
	return place, v, h.Shape
}

// take gives the array at the first path that the file has a name of the contract.
func (r *reader) take(key string, paths ...string) {
	if place, a := r.find(paths...); a != nil {
		r.members[key] = member{place: place, array: a}
	}
}

// takeAll gives all arrays at the root of the file their own names.
func (r *reader) takeAll() {
	if r.err != nil {
		return
	}
	arrays, err := r.file.arrays()
	r.keep(err)
	for name, a := range arrays {
		r.members[name] = member{place: name, array: a}
	}
}

// rename gives an array of an NPZ file a name of the contract. Messages call it by its own name even if it is missing.
func (r *reader) rename(key, own string) {
	r.members[key] = member{place: own, array: r.members[own].array}
}

func (r *reader) isNPZ() bool { _, is := r.file.(npzFile); return is }

// number reads a single number: of a list, one for each pattern, the first.
func (r *reader) number(into *float64, path string) (present bool) {
	place, a := r.find(path)
	if a == nil {
		return false
	}
	if r.isNPZ() { // where None, or a list of another meaning, counts as absent
		h, err := a.Header()
		r.keep(err)
		if err != nil || h.Pickled() || !h.Real() || ndarray.Size(h.Shape) != 1 {
			return false
		}
	}
	v, err := a.Float64s()
	switch {
	case err != nil:
		r.keep(err)
		return false
	case len(v) == 0:
		r.fail(place, "no value", "a number", "")
		return false
	}
	*into = v[0]
	return true
}

// attribute reads a number that an object of the file carries.
func (r *reader) attribute(into *float64, object, name string) (present bool) {
	if r.err != nil {
		return false
	}
	v, present, err := r.file.attribute(object, name)
	r.keep(err)
	if present {
		*into = v
	}
	return present
}

// image reads an image of the detector's size (H, W), or the mean of several.
func (r *reader) image(path string) *ndarray.Float32 {
	place, all, shape := r.values(path)
	if place == "" {
		return nil
	}
	count := 1
	switch len(shape) {
	case 2:
	case 3:
		count, shape = shape[0], shape[1:]
	default:
		r.fail(place, "shape "+npz.Header{Shape: shape}.ShapeText(), "(H, W), or several of these", "")
		return nil
	}
	mean := ndarray.New[float32](shape...)
	sums := make([]float64, len(mean.Data))
	for i, v := range all {
		sums[i%len(sums)] += v
	}
	for i, v := range sums {
		mean.Data[i] = float32(v / float64(count))
	}
	return mean
}

// points makes X and Y of a dataset of points, (2, M) or (M, 2 or 3), times the unit in metres. A square one is (2, M)
// unless byRow states that each row is a point.
func (r *reader) points(unit float64, byRow bool, paths ...string) {
	place, all, shape := r.values(paths...)
	if place == "" {
		return
	}
	if len(shape) == 2 && !byRow && shape[0] != 2 && shape[1] == 2 {
		byRow = true
	}
	if len(shape) != 2 || byRow && shape[1] != 2 && shape[1] != 3 || !byRow && shape[0] != 2 {
		expected := "(2, M) or (M, 2)"
		if byRow {
			expected = "(M, 3), a point for each pattern"
		}
		r.fail(place, "shape "+npz.Header{Shape: shape}.ShapeText(), expected, "")
		return
	}
	count, step, next := shape[1], 1, shape[1]
	if byRow {
		count, step, next = shape[0], shape[1], 1
	}
	x, y := make([]float64, count), make([]float64, count)
	for i := range count {
		x[i], y[i] = unit*all[i*step], unit*all[i*step+next]
	}
	r.members[X], r.members[Y] = member{place, nil, x, unit}, member{place, nil, y, unit}
	r.Facts.Metres = true
}

// patternsAlone reads an HDF5 file whose patterns are at the first of the paths that it has. Other arrays may stand
// beside them at the root.
func (r *reader) patternsAlone(kind Kind, paths ...string) {
	r.Facts.Kind = kind
	r.take(Patterns, paths...)
	r.take(PatternIndex, "indexes")
	r.take(FrameIDs, FrameIDs)
	r.take(Probe, "probe", Probe)
	r.take(Object, "object", Object)
	r.take(X, X)
	r.take(Y, Y)
	r.Facts.Bad = r.image("bad_pixels")
}

// Names of numbers in a file without groups, in metres and eV, as ptychodus has them.
const (
	KeyEnergy         = "probe_energy_eV"
	KeyDistance       = "detector_object_distance_m"
	KeyDetectorPixelX = "detector_pixel_width_m"
	KeyDetectorPixelY = "detector_pixel_height_m"
	KeyPixelX         = "object_pixel_width_m"
	KeyPixelY         = "object_pixel_height_m"
)

// flatFacts reads numbers and the mask of a file without groups, such as every NPZ file, under the names that ptyx and
// ptychodus give them.
func (r *reader) flatFacts() {
	f := &r.Facts
	r.number(&f.EnergyEV, KeyEnergy)
	r.number(&f.EnergyEV, "photon_energy_eV")
	r.number(&f.DistanceM, KeyDistance)
	r.number(&f.DetectorPixelX, KeyDetectorPixelX)
	r.number(&f.DetectorPixelY, KeyDetectorPixelY)
	r.number(&f.PixelX, KeyPixelX)
	r.number(&f.PixelY, KeyPixelY)
	r.objectPlace("")
	f.Bad = r.image("bad_pixels")
}

// objectPlace reads where the object is, from a group: ptyx keeps its first pixel, ptychodus its centre.
func (r *reader) objectPlace(group string) {
	var at Point
	x, y := r.number(&at.X, group+"object_origin_x_m"), r.number(&at.Y, group+"object_origin_y_m")
	if x && y {
		r.Facts.Origin = &at
		return
	}
	x, y = r.number(&at.X, group+"object_center_x_m"), r.number(&at.Y, group+"object_center_y_m")
	if x && y {
		r.originFromCentre(at)
	}
}

// originFromCentre notes where object pixel (0, 0) is, if the centre is pixel (H/2, W/2).
func (r *reader) originFromCentre(centre Point) {
	f := &r.Facts
	if r.err != nil || !r.Has(Object) || f.PixelX == 0 || f.PixelY == 0 {
		return
	}
	h, err := r.Header(Object)
	r.keep(err)
	if err != nil || len(h.Shape) < 2 {
		return
	}
	rows, columns := h.Shape[len(h.Shape)-2], h.Shape[len(h.Shape)-1]
	f.Origin = &Point{centre.X - float64(columns)/2*f.PixelX, centre.Y - float64(rows)/2*f.PixelY}
}
