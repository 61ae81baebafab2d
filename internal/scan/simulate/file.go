package simulate

import (
	"context"
	"fmt"

	"ptyx/internal/base/destination"
	"ptyx/internal/format/npz"
	"ptyx/internal/scan/dataset"
)

// Result is what File wrote.
type Result struct {
	File     string  `json:"file"`
	Patterns int     `json:"patterns"`
	Size     int     `json:"size_pixels"` // N
	Photons  float64 `json:"photons_per_pattern"`
	Object   [2]int  `json:"object"` // height and width of the truth
}

func (r Result) String() string {
	return fmt.Sprintf("%s: %d patterns of %d x %d, %.3g photons each, object %d x %d",
		r.File, r.Patterns, r.Size, r.Size, r.Photons, r.Object[0], r.Object[1])
}

// File simulates a scan and writes it with its truth. It is the body of `ptyx simulate`.
func File(ctx context.Context, path string, o Options) (*Result, error) {
	if err := destination.File("--out", path); err != nil {
		return nil, err
	}
	scan, err := o.prepare(ctx)
	if err != nil {
		return nil, err
	}
	photons, count, n := 0.0, len(scan.X), scan.Probe.Shape[0]
	each := func(put func([]float32) error) error {
		return measure(ctx, scan, o, func(part []float32) error {
			for _, a := range part {
				photons += float64(a) * float64(a)
			}
			return put(part)
		})
	}
	if err := dataset.WriteStream(path, scan, &npz.Slices{Shape: []int{count, n, n}, Each: each}); err != nil {
		return nil, err
	}
	return &Result{
		File: path, Patterns: count, Size: n, Photons: photons / float64(count),
		Object: [2]int(scan.Object.Shape),
	}, nil
}
