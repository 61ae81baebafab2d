package simulate

import (
	"context"
	"fmt"

	"ptyx/internal/base/destination"
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
	scan, err := Run(ctx, o)
	if err != nil {
		return nil, err
	}
	if err := dataset.Write(path, scan); err != nil {
		return nil, err
	}
	photons := 0.0
	for _, a := range scan.Patterns.Data {
		photons += float64(a) * float64(a)
	}
	count := scan.Patterns.Shape[0]
	return &Result{
		File: path, Patterns: count, Size: scan.Patterns.Shape[1], Photons: photons / float64(count),
		Object: [2]int(scan.Object.Shape),
	}, nil
}
