package dataset

import (
	"fmt"
	"slices"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/format/npz"
)

// ScanData is a scan to be written.
type ScanData struct {
	Patterns *ndarray.Float32   // (M, N, N) amplitudes, zero frequency at [N/2, N/2]
	X, Y     []float64          // (M) patch centres in object pixels: column, row
	Probe    *ndarray.Complex64 // (N, N)
	Object   *ndarray.Complex64 // (H, W), or nil
	Index    []int64            // (M), or nil for zeros
}

// Write makes a scan file at path, atomically and with the same bytes for the same data. Open reads it back.
func Write(path string, d ScanData) error {
	if err := d.check(); err != nil {
		return fmt.Errorf("writing scan %s: %w", path, err)
	}
	index := d.Index
	if index == nil {
		index = make([]int64, len(d.X))
	}
	members := []npz.Member{
		{Key: KeyPatterns, Value: d.Patterns},
		{Key: KeyX, Value: d.X}, {Key: KeyY, Value: d.Y},
		{Key: KeyXStart, Value: d.X}, {Key: KeyYStart, Value: d.Y},
		{Key: KeyIndex, Value: index},
		{Key: KeyProbe, Value: d.Probe},
	}
	if d.Object != nil {
		members = append(members, npz.Member{Key: KeyObject, Value: d.Object})
	}
	return npz.Write(path, members)
}

// check refuses shapes that Open would refuse.
func (d ScanData) check() error {
	if d.Patterns == nil || d.Probe == nil {
		return fmt.Errorf("no patterns or no probe")
	}
	p := d.Patterns.Shape
	switch {
	case len(p) != 3 || p[1] != p[2] || !slices.Contains(Sizes, p[1]):
		return fmt.Errorf("patterns of shape %v", p)
	case len(d.X) != p[0] || len(d.Y) != p[0]:
		return fmt.Errorf("%d patterns with %d columns and %d rows", p[0], len(d.X), len(d.Y))
	case d.Index != nil && len(d.Index) != p[0]:
		return fmt.Errorf("%d patterns with %d scan indices", p[0], len(d.Index))
	case !ndarray.SameShape(d.Probe.Shape, p[1:]):
		return fmt.Errorf("patterns of shape %v with a probe of shape %v", p, d.Probe.Shape)
	case d.Object != nil && len(d.Object.Shape) != 2:
		return fmt.Errorf("an object of shape %v", d.Object.Shape)
	}
	return nil
}
