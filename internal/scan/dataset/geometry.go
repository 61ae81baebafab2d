package dataset

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/source"
)

// Geometry is what is known of the experiment, in metres and eV. What is not known is 0, or nil.
type Geometry struct {
	EnergyEV       float64
	DistanceM      float64
	DetectorPixelX float64 // of the patterns: binned ones are larger
	DetectorPixelY float64
	PixelX, PixelY float64       // of the object
	Origin         *source.Point // where the object's pixel (0, 0) is, in the frame of the beam
}

// placing is where the positions come from, and what makes object pixels of them.
type placing struct {
	file  *source.Source // the scan's own, or that of View.PositionsFile
	facts source.Facts
	other bool // not the scan's own
	moved bool // the object of the file does not lie under the positions as they are taken
}

// openPlacing opens the file of the positions.
func (s *Scan) openPlacing(v View) (*placing, error) {
	p := &placing{file: s.file, facts: s.file.Facts}
	if v.PositionsFile != "" {
		other, err := source.Open(v.PositionsFile, v.Library)
		if err != nil {
			return nil, fmt.Errorf("reading the positions: %w", err)
		}
		p.file, p.facts, p.other = other, other.Facts, true
	}
	p.moved = v.SwapXY || v.FlipX || v.FlipY || v.BySample(p.facts) != p.facts.SampleMotion
	return p, nil
}

// Geometry gathers what the flags state, else the first file that does. It has no Origin.
func (v View) Geometry(files ...source.Facts) Geometry {
	micrometres, nanometres := 1e-6*v.DetectorPixelUM, 1e-9*v.PixelSizeNM
	g := Geometry{
		EnergyEV: v.EnergyEV, DistanceM: v.DistanceM,
		DetectorPixelX: micrometres, DetectorPixelY: micrometres, PixelX: nanometres, PixelY: nanometres,
	}
	for _, f := range files {
		g.EnergyEV, g.DistanceM = cmp.Or(g.EnergyEV, f.EnergyEV), cmp.Or(g.DistanceM, f.DistanceM)
		g.DetectorPixelX = cmp.Or(g.DetectorPixelX, f.DetectorPixelX)
		g.DetectorPixelY = cmp.Or(g.DetectorPixelY, f.DetectorPixelY)
		g.PixelX, g.PixelY = cmp.Or(g.PixelX, f.PixelX), cmp.Or(g.PixelY, f.PixelY)
	}
	return g
}

// BySample reports whether positions in metres are the sample's: as the flag states it, else the file.
func (v View) BySample(f source.Facts) bool {
	if v.SampleMotion != nil {
		return *v.SampleMotion
	}
	return f.SampleMotion
}

// readGeometry gathers what the flags, the scan's file and that of the positions state, for the patterns of the window.
func (s *Scan) readGeometry(v View, p *placing) {
	own, other, w := s.file.Facts, p.facts, s.patterns.window
	if w.size*w.bin != w.height || w.height != w.width { // their pixels belong to patterns of the full detector
		own.PixelX, own.PixelY, other.PixelX, other.PixelY = 0, 0, 0, 0
	}
	g := v.Geometry(own, other)
	g.DetectorPixelX, g.DetectorPixelY = float64(w.bin)*g.DetectorPixelX, float64(w.bin)*g.DetectorPixelY
	g.PixelX = cmp.Or(g.PixelX, g.farField(g.DetectorPixelX, s.N))
	g.PixelY = cmp.Or(g.PixelY, g.farField(g.DetectorPixelY, s.N))
	s.Geometry = g
}

// farField is the width of an object's pixel behind a far field of n pixels: wavelength times distance over the detector's width.
// It is 0 where something is not known.
func (g *Geometry) farField(pixel float64, n int) float64 {
	if g.EnergyEV == 0 || g.DistanceM == 0 || pixel == 0 {
		return 0
	}
	return source.Wavelength(g.EnergyEV) * g.DistanceM / (pixel * float64(n))
}

// affine makes a coordinate in pixels of one in the file's unit.
type affine struct{ scale, offset float64 }

func (a affine) apply(values []float64) {
	for i, v := range values {
		values[i] = a.scale*v + a.offset
	}
}

// mirror turns a coordinate round, within the range that values have.
func (a affine) mirror(values []float64) affine {
	low, high := a.scale*slices.Min(values)+a.offset, a.scale*slices.Max(values)+a.offset
	return affine{-a.scale, low + high - a.offset}
}

// place turns the coordinates into object pixels: axes exchanged, metres divided by the pixel, motion of the sample turned into
// that of the beam, which is its opposite, and axes mirrored.
//
// The frame of a whole scan begins where its positions do, and axes are mirrored within their range. Those of a part say nothing of
// the range of the others: its frame begins at the zero of the file's own, and axes are mirrored about it.
func (s *Scan) place(opt Options, p *placing) error {
	v := opt.View
	if v.SwapXY {
		s.X, s.Y = s.Y, s.X
		s.XStart, s.YStart = s.YStart, s.XStart
	}
	sample := v.BySample(p.facts)
	x, y := affine{1, 0}, affine{1, 0}
	g := &s.Geometry
	rangeX, rangeY := s.X, s.Y
	if opt.Part {
		rangeX, rangeY = []float64{0}, []float64{0}
	}
	if p.facts.Metres {
		if g.PixelX == 0 || g.PixelY == 0 {
			return p.fault(KeyX, "metres, and nothing that tells how wide a pixel of the object is", "an energy, a distance and the size of the detector's pixels",
				"give --pixel-size-nm, or --energy-ev, --distance-m and --detector-pixel-um")
		}
		at := p.facts.Origin
		if p.moved {
			at = nil
		}
		x, y = metres(rangeX, sample, g.PixelX, s.N, at, xOf), metres(rangeY, sample, g.PixelY, s.N, at, yOf)
		g.Origin = &source.Point{X: -x.offset * g.PixelX, Y: -y.offset * g.PixelY}
	} else {
		g.Origin = p.facts.Origin
		if sample {
			x, y = x.mirror(rangeX), y.mirror(rangeY)
		}
	}
	if v.FlipX {
		x = x.mirror(rangeX)
	}
	if v.FlipY {
		y = y.mirror(rangeY)
	}
	if v.FlipX || v.FlipY || v.SwapXY || sample && !p.facts.Metres {
		g.Origin = nil // the frame of the file is left
	}
	if x != (affine{1, 0}) || y != (affine{1, 0}) {
		x.apply(s.X)
		x.apply(s.XStart)
		y.apply(s.Y)
		y.apply(s.YStart)
	}
	if p.facts.Metres {
		return s.checkPlaces(p)
	}
	return nil
}

func xOf(p *source.Point) float64 { return p.X }
func yOf(p *source.Point) float64 { return p.Y }

// metres is how metres become pixels: counted from the object's first pixel, where the file says where that is, or so that the first
// patch begins at pixel 0.
func metres(values []float64, sample bool, pixel float64, n int, origin *source.Point, of func(*source.Point) float64) affine {
	a := affine{1 / pixel, 0}
	if sample {
		a.scale = -a.scale
	}
	if origin != nil {
		a.offset = -of(origin) / pixel
		return a
	}
	a.offset = float64(n/2) - min(a.scale*slices.Min(values), a.scale*slices.Max(values))
	return a
}

// checkPlaces holds the positions that were metres to what an object can be.
func (s *Scan) checkPlaces(p *placing) error {
	for _, list := range []struct {
		key    string
		values []float64
	}{{KeyX, s.X}, {KeyY, s.Y}} {
		for i, c := range list.values {
			if math.Abs(c) <= farthest { // in accept form: NaN fails
				continue
			}
			return p.fault(list.key, fmt.Sprintf("%.6g pixels of the object at position %d", c, i), fmt.Sprintf("none beyond %g", float64(farthest)),
				"see whether the unit of the positions and the size of a pixel are right")
		}
	}
	return nil
}

// fault is a complaint about the positions.
func (p *placing) fault(key, found, expected, remedy string) error {
	return &badinput.Error{File: p.file.Path(), Key: p.file.Place(key), Found: found, Expected: expected, Remedy: remedy}
}

// join finds the position of each pattern by the numbers that both carry, as ptychodus keeps them; nil where positions are simply in
// the order of the patterns.
func (s *Scan) join(p *placing) ([]int, error) {
	if !p.file.Has(source.PositionIndex) || !p.other && !s.file.Has(source.PatternIndex) {
		return nil, nil
	}
	numbers, err := p.file.Int64s(source.PositionIndex)
	if err != nil {
		return nil, err
	}
	at := make(map[int64]int, len(numbers))
	for i, n := range numbers {
		if _, twice := at[n]; twice {
			return nil, p.fault(source.PositionIndex, fmt.Sprintf("the number %d twice", n), "each position once", "")
		}
		at[n] = i
	}
	of, err := s.patternNumbers()
	if err != nil {
		return nil, err
	}
	order := make([]int, s.M)
	for pattern := range order {
		i, there := at[of(pattern)]
		if !there {
			return nil, p.fault(source.PositionIndex, fmt.Sprintf("no position with the number %d", of(pattern)),
				fmt.Sprintf("one for each of the %d patterns of %s", s.M, s.Path), "drop the patterns without a position")
		}
		order[pattern] = i
	}
	return order, nil
}

// patternNumbers are the numbers that the patterns carry; their places where they carry none.
func (s *Scan) patternNumbers() (of func(pattern int) int64, err error) {
	if !s.file.Has(source.PatternIndex) {
		return func(pattern int) int64 { return int64(pattern) }, nil
	}
	numbers, err := s.file.Int64s(source.PatternIndex)
	if err != nil {
		return nil, err
	}
	if len(numbers) < s.M {
		return nil, s.fault(source.PatternIndex, fmt.Sprintf("%d values", len(numbers)), fmt.Sprintf("%d, one for each pattern", s.M), "")
	}
	return func(pattern int) int64 { return numbers[pattern] }, nil
}
