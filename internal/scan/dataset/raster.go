package dataset

import (
	"cmp"
	"fmt"
	"math"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/source"
)

// useRaster takes the positions from a raster, if the user states one or its step. What the user does not state is that
// of the file, else a raster of as many rows as columns.
func (s *Scan) useRaster(v View, p *positions) error {
	if v.Raster.IsZero() && v.StepNM == 0 {
		return nil
	}
	facts := p.file.Facts
	raster := v.Raster
	if raster.IsZero() {
		raster = facts.Raster
	}
	if raster.IsZero() && s.file.Has(KeyPatterns) {
		h, err := s.file.Header(KeyPatterns)
		if err != nil {
			return err
		}
		if raster = source.Square(h.Shape[0]); raster.IsZero() {
			return &badinput.Error{
				File: s.Path, Key: s.file.Place(KeyPatterns), Found: fmt.Sprintf("%d patterns", h.Shape[0]),
				Expected: "as many rows as columns of the raster", Remedy: "give --raster ROWSxCOLUMNS",
			}
		}
	}
	raster.ByColumn = facts.Raster.ByColumn
	step := 1e-9 * v.StepNM
	x, y := cmp.Or(step, facts.StepX), cmp.Or(step, facts.StepY)
	if x == 0 || y == 0 {
		return &badinput.Error{
			File: p.file.Path(), Found: "a raster without a step", Expected: "the distance of neighbours",
			Remedy: "give --step-nm",
		}
	}
	p.file.SetRaster(raster, x, y)
	return nil
}

// rotate turns positions (x, y) about (0, 0) by an angle in degrees, from the columns towards the rows.
func rotate(x, y []float64, degrees float64) {
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	for i := range x {
		x[i], y[i] = cos*x[i]-sin*y[i], sin*x[i]+cos*y[i]
	}
}
