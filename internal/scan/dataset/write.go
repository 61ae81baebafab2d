package dataset

import (
	"fmt"

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
	if d.Patterns == nil {
		return fmt.Errorf("writing scan %s: no patterns", path)
	}
	return WriteStream(path, d, &npz.Slices{
		Shape: d.Patterns.Shape, Each: func(put func([]float32) error) error { return put(d.Patterns.Data) },
	})
}

// WriteStream writes the file that Write makes, with patterns (M, N, N) that come part by part instead of d.Patterns.
func WriteStream(path string, d ScanData, patterns *npz.Slices) error {
	if err := d.check(patterns.Shape); err != nil {
		return fmt.Errorf("writing scan %s: %w", path, err)
	}
	index := d.Index
	if index == nil {
		index = make([]int64, len(d.X))
	}
	members := []npz.Member{
		{Key: KeyPatterns, Value: patterns},
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

// check refuses shapes that Open would refuse; p is that of the patterns.
func (d ScanData) check(p []int) error {
	switch {
	case d.Probe == nil:
		return fmt.Errorf("no probe")
	case len(p) != 3 || p[1] != p[2] || !HasSize(p[1]):
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
