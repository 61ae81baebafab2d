package dataset

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"ptyx/internal/base/badinput"
	"ptyx/internal/base/frame"
	"ptyx/internal/scan/source"
)

// positions is the file that the positions come from.
type positions struct {
	file     *source.Source // the scan's own, or that of View.PositionsFile
	separate bool           // not the scan's own
	turned   bool           // the View changes their axes: the object of the file is not under them
}

func (s *Scan) openPositions(v View) (*positions, error) {
	p := &positions{file: s.file}
	other, err := v.openPositionsFile()
	if err != nil {
		return nil, fmt.Errorf("reading the positions: %w", err)
	}
	if other != nil {
		p.file, p.separate = other, true
	}
	if err := s.useRaster(v, p); err != nil {
		if p.separate {
			_ = p.file.Close() // the raster's error says more
		}
		return nil, err
	}
	p.turned = v.RotationDeg != 0 || v.SwapXY || v.FlipX || v.FlipY ||
		v.BySample(p.file.Facts) != p.file.Facts.SampleMotion
	return p, nil
}

// count is the number of positions.
func (p *positions) count() (int, error) {
	nx, err := vectorLength(p.file, KeyX)
	if err != nil {
		if bad := (*badinput.Error)(nil); !p.file.Has(KeyX) && errors.As(err, &bad) {
			bad.Remedy = "give the file with the positions as --positions-file, or the step of a raster as --step-nm"
		}
		return 0, err
	}
	ny, err := vectorLength(p.file, KeyY)
	if err == nil && nx != ny {
		return nx * ny, nil
	}
	return nx, err
}

// expand makes the positions of a raster of its two axes, if their lengths multiply to the number of patterns m.
func (p *positions) expand(patterns *source.Source, m int) (count int, err error) {
	nx, err := vectorLength(p.file, KeyX)
	if err != nil {
		return 0, err
	}
	ny, err := vectorLength(p.file, KeyY)
	if err != nil {
		return 0, err
	}
	switch {
	case nx == ny && (nx == m || nx*ny != m || nx == 1):
		return nx, nil
	case nx*ny != m:
		return 0, p.file.Fault(KeyY, fmt.Sprintf("%d values", ny), fmt.Sprintf(
			"%d, as many as %s has, or two axes of a raster of %d patterns", nx, p.file.Place(KeyX), m), "")
	}
	return m, p.file.Outer(patterns)
}

// readPositions reads the positions, count in the file, and turns them into object pixels.
func (s *Scan) readPositions(p *positions, count int, opt Options) error {
	if p.separate {
		for _, remark := range p.file.Facts.Remarks {
			s.log.Warn(remark, "file", p.file.Path())
		}
	}
	order, err := s.match(p)
	if err != nil {
		return err
	}
	if order == nil {
		if count < s.M {
			return p.file.Fault(KeyX, fmt.Sprintf("%d positions", count),
				fmt.Sprintf("at least %d, one for each pattern of %s", s.M, s.file.Place(s.patterns.key)),
				p.lacking())
		}
		if count > s.M {
			s.log.Warn("more positions than patterns: the last positions are dropped",
				"file", s.Path, "positions", count, "patterns", s.M, "dropped", count-s.M)
		}
	}
	if s.X, err = s.coordinates(p, KeyX, order); err != nil {
		return err
	}
	if s.Y, err = s.coordinates(p, KeyY, order); err != nil {
		return err
	}
	if s.XStart, err = s.startCoordinates(p, KeyXStart, order, s.X); err != nil {
		return err
	}
	if s.YStart, err = s.startCoordinates(p, KeyYStart, order, s.Y); err != nil {
		return err
	}
	if err := s.place(opt, p); err != nil {
		return err
	}
	s.warnOfUnits(p)
	return nil
}

// lacking is the remedy for fewer positions than patterns.
func (p *positions) lacking() string {
	if p.file.Facts.Partial {
		return "add a column with the number of each row's pattern"
	}
	return "drop the patterns without a position"
}

// farthest is the largest coordinate. No object has pixel 16 million: such numbers are encoder counts or another unit.
const farthest = 1 << 24

// coordinates reads a list of finite numbers: the first M values, or those that order names.
func (s *Scan) coordinates(p *positions, key string, order []int) ([]float64, error) {
	all, err := p.file.Float64s(key)
	if err != nil {
		return nil, err
	}
	v := slices.Clip(all[:min(s.M, len(all))])
	if order != nil {
		v = make([]float64, s.M)
		for i, from := range order {
			v[i] = all[from]
		}
	}
	most, expected, remedy := float64(farthest), fmt.Sprintf("finite object pixels, none beyond %g", float64(farthest)),
		"drop that pattern and its position, or give pixels"
	if p.file.Facts.Metres {
		most, expected, remedy = math.MaxFloat64, "finite metres", "drop that pattern and its position"
	}
	for i, c := range v {
		if !(math.Abs(c) <= most) { // in accept form: NaN fails
			return nil, p.file.Fault(key, fmt.Sprintf("%v at position %d", c, i), expected, remedy)
		}
	}
	return v, nil
}

// startCoordinates reads the positions before refinement, which default to the refined ones.
func (s *Scan) startCoordinates(p *positions, key string, order []int, refined []float64) ([]float64, error) {
	if _, present, err := s.optionalIn(p.file, key); err != nil {
		return nil, err
	} else if !present || p.file.Facts.Metres {
		return slices.Clone(refined), nil
	}
	if _, err := s.checkLength(p.file, key); err != nil {
		return nil, err
	}
	return s.coordinates(p, key, order)
}

// affine turns a coordinate in the file's unit into pixels.
type affine struct{ scale, offset float64 }

func (a affine) apply(values []float64) {
	for i, v := range values {
		values[i] = a.scale*v + a.offset
	}
}

// mirror reverses a coordinate within the range of the values.
func (a affine) mirror(values []float64) affine {
	low, high := a.scale*slices.Min(values)+a.offset, a.scale*slices.Max(values)+a.offset
	return affine{-a.scale, low + high - a.offset}
}

// metres turns metres into pixels of the given width. Pixel 0 is at origin, or, if that is nil, n/2 pixels before the
// first position: there, the first patch of n pixels begins. bySample reverses the axis.
func metres(values []float64, bySample bool, pixel float64, n int, origin *float64) affine {
	a := affine{1 / pixel, 0}
	if bySample {
		a.scale = -a.scale
	}
	if origin != nil {
		a.offset = -*origin / pixel
		return a
	}
	a.offset = float64(n/2) - min(a.scale*slices.Min(values), a.scale*slices.Max(values))
	return a
}

// place turns the coordinates into object pixels. It exchanges the axes, divides metres by the pixel, brings pixels of
// the file to the larger ones of a cropped detector, turns motion of the sample into that of the beam, which is its
// opposite, and mirrors axes.
//
// The frame of a complete scan begins where its positions do, and axes are mirrored within their range. The positions
// of a part do not show the range of the others: its frame begins at the file's own zero, and axes are mirrored about
// it.
func (s *Scan) place(opt Options, p *positions) error {
	v, g, facts := opt.View, &s.Geometry, p.file.Facts
	if v.RotationDeg != 0 {
		rotate(s.X, s.Y, v.RotationDeg)
		rotate(s.XStart, s.YStart, v.RotationDeg)
	}
	if v.SwapXY {
		s.X, s.Y = s.Y, s.X
		s.XStart, s.YStart = s.YStart, s.XStart
	}
	bySample := v.BySample(facts)
	rangeX, rangeY := s.X, s.Y
	if opt.Part {
		rangeX, rangeY = []float64{0}, []float64{0}
	}
	unchanged := affine{1, 0}
	scale := frame.One
	if p.separate {
		scale = p.file.PixelScale(s.PixelScale, s.N)
	}
	scale = scale.Per(s.PixelScale)
	x, y := affine{scale.X, 0}, affine{scale.Y, 0} // of pixels; 0 is the same place in all frames
	if facts.Metres {
		if g.PixelX == 0 || g.PixelY == 0 {
			return p.file.Fault(KeyX, "positions in metres, but no pixel size of the object",
				"an energy, a distance and the pixel size of the detector",
				"give --pixel-size-nm, or --energy-ev, --distance-m and --detector-pixel-um")
		}
		var originX, originY *float64
		if at := facts.Origin; at != nil && !p.turned {
			originX, originY = &at.X, &at.Y
		}
		n := s.N * s.patterns.window.bin // the frame is that of the patterns before they are binned
		x = metres(rangeX, bySample, g.PixelX, n, originX)
		y = metres(rangeY, bySample, g.PixelY, n, originY)
		g.Origin = &source.Point{X: -x.offset * g.PixelX, Y: -y.offset * g.PixelY}
	} else {
		g.Origin = facts.Origin
	}
	x, y = v.mirror(bySample && !facts.Metres, x, y, rangeX, rangeY)
	if v.RotationDeg != 0 || v.FlipX || v.FlipY || v.SwapXY || bySample && !facts.Metres {
		g.Origin = nil // it belongs to the frame of the file
	}
	if x != unchanged || y != unchanged {
		x.apply(s.X)
		x.apply(s.XStart)
		y.apply(s.Y)
		y.apply(s.YStart)
	}
	if !facts.Metres {
		return nil
	}
	return s.checkFar(p)
}

// checkFar refuses positions of metres that are far more pixels than any object has.
func (s *Scan) checkFar(p *positions) error {
	for _, axis := range []struct {
		key    string
		values []float64
	}{{KeyX, s.X}, {KeyY, s.Y}} {
		for i, c := range axis.values {
			if !(math.Abs(c) <= farthest) { // in accept form: NaN fails
				return p.file.Fault(axis.key, fmt.Sprintf("%.6g pixels of the object at position %d", c, i),
					fmt.Sprintf("none beyond %g", float64(farthest)),
					"check the unit of the positions and the pixel size")
			}
		}
	}
	return nil
}

// mirror mirrors the axes within their ranges: both if the sample moves, and those to be flipped.
func (v View) mirror(bySample bool, x, y affine, rangeX, rangeY []float64) (affine, affine) {
	if bySample {
		x, y = x.mirror(rangeX), y.mirror(rangeY)
	}
	if v.FlipX {
		x = x.mirror(rangeX)
	}
	if v.FlipY {
		y = y.mirror(rangeY)
	}
	return x, y
}

// InView turns a position of a part, which OfPart has turned, into the scan's pixels.
func (s *Scan) InView(x, y float64) (float64, float64) {
	scale := frame.One.Per(s.PixelScale) // as place has it, to the last bit
	return x * scale.X, y * scale.Y
}

// OfPart turns a position in pixels as Open turns those of a part, but leaves it in pixels of the complete detector.
func (v View) OfPart(px, py float64) (x, y float64) {
	if v.RotationDeg != 0 {
		one, other := []float64{px}, []float64{py}
		rotate(one, other, v.RotationDeg)
		px, py = one[0], other[0]
	}
	if v.SwapXY {
		px, py = py, px
	}
	zero := []float64{0}
	a, b := v.mirror(v.BySample(source.Facts{}), affine{1, 0}, affine{1, 0}, zero, zero)
	return a.scale*px + a.offset, b.scale*py + b.offset
}

// warnOfUnits warns if the positions of several patterns cover less than a pixel: metres look like that.
func (s *Scan) warnOfUnits(p *positions) {
	span := max(slices.Max(s.X)-slices.Min(s.X), slices.Max(s.Y)-slices.Min(s.Y))
	switch {
	case s.M < 2 || span >= 1:
	case p.file.Facts.Metres:
		s.log.Warn("all positions are within one pixel of the object: check their unit and the pixel size",
			"file", s.Path, "span", span, "pixel_m", s.Geometry.PixelX)
	default:
		s.log.Warn("all positions are within one pixel: xcoords and ycoords are taken as object pixels, not as metres",
			"file", s.Path, "span", span)
	}
}
