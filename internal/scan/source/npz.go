package source

import (
	"cmp"
	"fmt"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// archive is an NPZ file: PtychoPINN's, whose names are those of the contract, or one of ptychodus.
type archive struct {
	*npz.Reader
	own   map[string]string // the file's name of an array, where it is not the contract's
	facts Facts
}

// FromNPZ gives the arrays of an open NPZ file.
func FromNPZ(file *npz.Reader) (Source, error) {
	a := &archive{Reader: file, own: map[string]string{}}
	if !file.Has(Patterns) && !file.Has(PatternsAlias) && file.Has("patterns") {
		a.facts = Facts{Format: "NPZ of ptychodus", Kind: Counts}
		a.own[Patterns], a.own[PatternIndex] = "patterns", "indexes"
	}
	if !file.Has(X) && file.Has("probe_position_x_m") {
		a.product()
	}
	if !file.Has(Object) && file.Has("object") && file.Has("origin") {
		if err := a.reconstruction(); err != nil {
			return nil, err
		}
	}
	return a, a.readFacts()
}

// reconstruction names the arrays that ptyx infer and ptyx solve write: the object begins somewhere in the scan's frame.
func (a *archive) reconstruction() error {
	a.facts.Format = "reconstruction of ptyx"
	a.own[Object], a.own[PositionIndex] = "object", "scan_index"
	at, err := a.Reader.Int64s("origin")
	if err != nil {
		return err
	}
	const far = 1 << 31
	if len(at) != 2 || max(at[0], -at[0], at[1], -at[1]) > far {
		return &badinput.Error{File: a.Path(), Key: "origin", Found: fmt.Sprint(at), Expected: "row and column of the object's first pixel"}
	}
	a.facts.Row, a.facts.Col = int(at[0]), int(at[1])
	return nil
}

// product names the arrays of a ptychodus product.
func (a *archive) product() {
	a.facts.Format, a.facts.Metres = "NPZ product of ptychodus", true
	a.own[X], a.own[Y], a.own[PositionIndex] = "probe_position_x_m", "probe_position_y_m", "probe_position_indexes"
	a.own[Probe], a.own[Object] = "probe", "object"
}

// readFacts reads the optional numbers, under the names that ptychodus gives them in a product, and where the object lies: ptyx
// keeps its first pixel, ptychodus its centre.
func (a *archive) readFacts() error {
	f := &a.facts
	for _, n := range []struct {
		key  string
		into *float64
	}{
		{"probe_energy_eV", &f.EnergyEV}, {"photon_energy_eV", &f.EnergyEV}, {"detector_object_distance_m", &f.DistanceM},
		{"detector_pixel_width_m", &f.DetectorPixelX}, {"detector_pixel_height_m", &f.DetectorPixelY},
		{"object_pixel_width_m", &f.PixelX}, {"object_pixel_height_m", &f.PixelY},
	} {
		v, present, err := a.number(n.key)
		if err != nil {
			return err
		}
		if present {
			*n.into = v
		}
	}
	if err := a.readOrigin(); err != nil {
		return err
	}
	if !a.Reader.Has("bad_pixels") {
		return nil
	}
	bad, err := a.Reader.Float32("bad_pixels")
	f.Bad = bad
	return err
}

func (a *archive) readOrigin() error {
	x, hasX, err := a.number("object_origin_x_m")
	if err != nil {
		return err
	}
	y, hasY, err := a.number("object_origin_y_m")
	if err != nil {
		return err
	}
	if hasX && hasY {
		a.facts.Origin = &Point{x, y}
		return nil
	}
	if x, hasX, err = a.number("object_center_x_m"); err != nil {
		return err
	}
	if y, hasY, err = a.number("object_center_y_m"); err != nil {
		return err
	}
	if !hasX || !hasY || !a.Has(Object) {
		return nil
	}
	h, err := a.Header(Object)
	if err != nil {
		return err
	}
	a.facts.Origin = origin(Point{x, y}, a.facts, h.Shape)
	return nil
}

// origin is where pixel (0, 0) of an object lies whose centre, at pixel (H/2, W/2), is known.
func origin(centre Point, f Facts, shape []int) *Point {
	if len(shape) < 2 || f.PixelX == 0 || f.PixelY == 0 {
		return nil
	}
	h, w := shape[len(shape)-2], shape[len(shape)-1]
	return &Point{centre.X - float64(w)/2*f.PixelX, centre.Y - float64(h)/2*f.PixelY}
}

// number reads an optional real number.
func (a *archive) number(key string) (v float64, present bool, err error) {
	if !a.Reader.Has(key) {
		return 0, false, nil
	}
	h, err := a.Reader.Header(key)
	if err != nil || h.Pickled() || !h.Real() || ndarray.Size(h.Shape) != 1 {
		return 0, false, err
	}
	values, err := a.Reader.Float64s(key)
	if err != nil {
		return 0, false, err
	}
	return values[0], true, nil
}

// name is the file's own name of an array.
func (a *archive) name(key string) string { return cmp.Or(a.own[key], key) }

func (a *archive) Place(key string) string { return a.name(key) }
func (a *archive) Has(key string) bool     { return a.Reader.Has(a.name(key)) }
func (a *archive) Facts() Facts            { return a.facts }

func (a *archive) Header(key string) (npz.Header, error)        { return a.Reader.Header(a.name(key)) }
func (a *archive) Float32(key string) (*ndarray.Float32, error) { return a.Reader.Float32(a.name(key)) }
func (a *archive) Float64s(key string) ([]float64, error)       { return a.Reader.Float64s(a.name(key)) }
func (a *archive) Int64s(key string) ([]int64, error)           { return a.Reader.Int64s(a.name(key)) }
func (a *archive) String(key string) (string, error)            { return a.Reader.String(a.name(key)) }

func (a *archive) Complex64(key string) (*ndarray.Complex64, error) {
	return a.Reader.Complex64(a.name(key))
}

func (a *archive) Stream(key string, axes ...int) (Stream, error) {
	return orNil(a.Reader.Stream(a.name(key), axes...))
}

func (a *archive) Pairs(key string) (Stream, error) { return orNil(a.Reader.Pairs(a.name(key))) }

// orNil keeps a nil pointer from becoming an interface that is not nil.
func orNil(s *npz.Stream, err error) (Stream, error) {
	if s == nil {
		return nil, err
	}
	return s, err
}

func (a *archive) Direct(key string, axes ...int) (Direct, error) {
	return directOrNil(a.Reader.Direct(a.name(key), axes...))
}

func (a *archive) DirectPairs(key string) (Direct, error) {
	return directOrNil(a.Reader.DirectPairs(a.name(key)))
}

func directOrNil(d *npz.Direct, err error) (Direct, error) {
	if d == nil {
		return nil, err
	}
	return d, err
}
