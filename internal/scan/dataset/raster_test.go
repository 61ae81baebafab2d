package dataset

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/badinput"
	"ptyx/internal/scan/source"
)

// stack are six patterns without positions.
func stack() container {
	return container{"entry/data/data": counts(6, 32, 32), "probe": probeOfOnes(32, 32)}
}

// TestRaster: positions of a raster run along its rows, with the step over the pixel of the object.
func TestRaster(t *testing.T) {
	v := View{Raster: source.Raster{Rows: 2, Columns: 3}, StepNM: 30, PixelSizeNM: 10}
	s := mustOpen(t, stack().file(t, "a.h5"), v)
	x, y := []float64{16, 19, 22, 16, 19, 22}, []float64{16, 16, 16, 19, 19, 19}
	if !closeTo(s.X, x) || !closeTo(s.Y, y) {
		t.Errorf("x %v, y %v, want %v, %v", s.X, s.Y, x, y)
	}
	v.Raster = source.Raster{}
	four := container{"entry/data/data": counts(4, 32, 32), "probe": probeOfOnes(32, 32)}
	s = mustOpen(t, four.file(t, "a.h5"), v)
	if x := []float64{16, 19, 16, 19}; !closeTo(s.X, x) {
		t.Errorf("without a shape: x %v, want %v", s.X, x)
	}
}

// TestRotation: a turn by a right angle brings columns to rows.
func TestRotation(t *testing.T) {
	v := View{Raster: source.Raster{Rows: 2, Columns: 3}, StepNM: 30, PixelSizeNM: 10, RotationDeg: 90}
	s := mustOpen(t, stack().file(t, "a.h5"), v)
	x, y := []float64{19, 19, 19, 16, 16, 16}, []float64{16, 19, 22, 16, 19, 22}
	if !closeTo(s.X, x) || !closeTo(s.Y, y) {
		t.Errorf("x %v, y %v, want %v, %v", s.X, s.Y, x, y)
	}
	if x, y := v.OfPart(3, 5); math.Abs(x+5) > 1e-12 || math.Abs(y-3) > 1e-12 {
		t.Errorf("a position of a part at (%v, %v), want (-5, 3)", x, y)
	}
}

// TestElectronWavelength: the pixel of the object follows from the wavelength of electrons if the beam is one of them.
func TestElectronWavelength(t *testing.T) {
	v := View{Raster: source.Raster{Rows: 2, Columns: 3}, StepNM: 1}
	v.EnergyEV, v.DistanceM, v.DetectorPixelUM, v.Electrons = 80e3, 1, 1000, true
	s := mustOpen(t, stack().file(t, "a.h5"), v)
	if want := 4.1757e-12 / (32 * 1e-3); math.Abs(s.Geometry.PixelX-want) > 1e-4*want {
		t.Errorf("a pixel of %v m, want %v", s.Geometry.PixelX, want)
	}
}

// TestRasterViolations: a raster that does not fit the patterns is refused with the flag that helps.
func TestRasterViolations(t *testing.T) {
	for name, tt := range map[string]struct {
		view View
		want string
	}{
		"no shape": {View{StepNM: 30, PixelSizeNM: 10}, "found 6 patterns, expected as many rows as columns"},
		"no step":  {View{Raster: source.Raster{Rows: 2, Columns: 3}, PixelSizeNM: 10}, "give --step-nm"},
		"too few": {View{Raster: source.Raster{Rows: 1, Columns: 3}, StepNM: 1, PixelSizeNM: 1},
			"found 3 positions"},
		"no pixel":    {View{Raster: source.Raster{Rows: 2, Columns: 3}, StepNM: 30}, "give --pixel-size-nm"},
		"no position": {View{PixelSizeNM: 10}, "the step of a raster as --step-nm"},
		"no number":   {View{RotationDeg: math.NaN()}, "--rotation-deg: found NaN"},
		"a step back": {View{StepNM: -1}, "--step-nm: found -1"},
	} {
		_, _, err := openView(t, stack().file(t, "a.h5"), tt.view)
		var bad *badinput.Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want a *badinput.Error with %q", name, err, tt.want)
		}
	}
}

// TestRasterText: the text form of a raster is read as it is written; others are refused.
func TestRasterText(t *testing.T) {
	var r source.Raster
	if err := r.UnmarshalText([]byte("12x7")); err != nil || r.Rows != 12 || r.Columns != 7 || r.String() != "12x7" {
		t.Errorf("12x7 is read as %+v, %v", r, err)
	}
	refused := []string{"", "12", "12x", "0x4", "4x-1", "4x4x4", "9999999999x2"}
	if i := slices.IndexFunc(refused, func(s string) bool { return r.UnmarshalText([]byte(s)) == nil }); i >= 0 {
		t.Errorf("%q is read", refused[i])
	}
}
