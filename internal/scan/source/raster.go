package source

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Raster is the arrangement of a scan whose positions are a regular grid. The zero value is none.
type Raster struct {
	Rows, Columns int
	ByColumn      bool // the patterns run along the columns first; else along the rows
}

// Count is the number of positions.
func (s Raster) Count() int { return s.Rows * s.Columns }

// String is the text form, "128x64", rows first.
func (s Raster) String() string {
	if s == (Raster{}) {
		return ""
	}
	return fmt.Sprintf("%dx%d", s.Rows, s.Columns)
}

// MarshalText writes the text form.
func (s Raster) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// IsZero reports whether there is none.
func (s Raster) IsZero() bool { return s == Raster{} }

// UnmarshalText reads the text form.
func (s *Raster) UnmarshalText(text []byte) error {
	const most = 1 << 20
	rows, columns, _ := strings.Cut(string(text), "x")
	h, errRows := strconv.Atoi(rows)
	w, errColumns := strconv.Atoi(columns)
	if errRows != nil || errColumns != nil || h < 1 || w < 1 || h > most || w > most {
		return fmt.Errorf("%q is no raster such as 128x64, rows first", text)
	}
	*s = Raster{Rows: h, Columns: w}
	return nil
}

// Square is the raster of as many rows as columns that has count positions; zero if there is none.
func Square(count int) Raster {
	if n := int(math.Round(math.Sqrt(float64(count)))); n*n == count {
		return Raster{Rows: n, Columns: n}
	}
	return Raster{}
}

// Positions are those of a raster with a step along each axis, in the order of the frames and the unit of the steps.
func (s Raster) Positions(stepX, stepY float64) (x, y []float64) {
	x, y = make([]float64, s.Count()), make([]float64, s.Count())
	for i := range x {
		row, column := i/s.Columns, i%s.Columns
		if s.ByColumn {
			row, column = i%s.Rows, i/s.Rows
		}
		x[i], y[i] = float64(column)*stepX, float64(row)*stepY
	}
	return x, y
}

// SetRaster takes the positions from a raster with a step in metres along each axis.
func (s *Source) SetRaster(r Raster, stepX, stepY float64) {
	x, y := r.Positions(stepX, stepY)
	s.members[X], s.members[Y] = member{place: "raster", values: x}, member{place: "raster", values: y}
	for _, key := range []string{XStart, YStart, PositionIndex} {
		delete(s.members, key)
	}
	s.Facts.Metres, s.Facts.SampleMotion, s.Facts.Origin = true, false, nil
}
