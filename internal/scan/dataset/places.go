package dataset

import (
	"cmp"
	"fmt"
	"os"

	"ptyx/internal/scan/source"
)

// Source says how to open the file of the scan itself. probeFile is Options.ProbeFile.
func (v View) Source(probeFile string) source.Options {
	o := v.options(source.Places{Patterns: v.Patterns})
	file, points := split(v.PositionsFile)
	if file == "" {
		o.Points, o.X, o.Y, o.Unit = points, v.X, v.Y, v.Unit
	}
	if file, place := split(v.Mask); file == "" {
		o.Mask = place
	}
	if file, place := split(probeFile); file == "" {
		o.Probe = place
	}
	return o
}

// options say how to open any file of the scan.
func (v View) options(p source.Places) source.Options {
	stated := source.Stated{Energy: v.EnergyEV > 0, Distance: v.DistanceM > 0, Pixel: v.DetectorPixelUM > 0}
	return source.Options{Library: v.Library, FollowLinks: v.FollowLinks, Stated: stated, Places: p}
}

// split divides FILE[:PATH]; file is empty for :PATH, which is in the scan's own file.
func split(value string) (file, place string) {
	return source.Split(value, func(path string) bool {
		info, err := os.Stat(path)
		return err == nil && !info.IsDir()
	})
}

// SeparatePositions reports whether the positions are in another file than the patterns.
func (v View) SeparatePositions() bool {
	file, _ := split(v.PositionsFile)
	return file != ""
}

// openPositionsFile opens the file of the positions; nil if they are in the scan's own.
func (v View) openPositionsFile() (*source.Source, error) {
	file, points := split(v.PositionsFile)
	if file == "" {
		return nil, nil
	}
	o := v.options(source.Places{Points: points, X: v.X, Y: v.Y, Unit: v.Unit})
	o.Positions = true
	return source.Open(file, o)
}

// openMask opens the file of the mask; nil if there is none, or it is in the scan's own.
func (v View) openMask() (*source.Source, error) {
	file, place := split(v.Mask)
	if file == "" {
		return nil, nil
	}
	return source.Open(file, v.options(source.Places{Mask: cmp.Or(place, source.Sole)}))
}

// CheckMask refuses a file of a mask that cannot be read, before there is a pattern.
func (v View) CheckMask() error {
	mask, err := v.openMask()
	if err != nil {
		return fmt.Errorf("reading the mask: %w", err)
	}
	if mask == nil {
		return nil
	}
	return mask.Close()
}

// OpenObject opens the file FILE[:PATH] of an object. An HDF5 file of no known layout needs PATH, unless it holds one
// array alone.
func OpenObject(value string) (*source.Source, error) {
	file, place := split(value)
	return source.Open(file, source.Options{Places: source.Places{Object: cmp.Or(place, source.Sole)}})
}

// NamesArray reports whether a value FILE[:PATH] has the PATH of an array.
func NamesArray(value string) bool {
	file, place := split(value)
	return file != "" && place != ""
}

// OpenProbe opens the file FILE[:PATH] of a probe.
func OpenProbe(value, library string) (*source.Source, error) {
	file, place := split(value)
	places := source.Places{Probe: cmp.Or(place, source.Sole)}
	return source.Open(file, source.Options{Library: library, Places: places})
}
