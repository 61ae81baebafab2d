package validate

import (
	"fmt"

	"ptyx/internal/base/frame"
	"ptyx/internal/scan/dataset"
)

// outside looks for patches that leave the object in the file.
func outside(x *exam) []Finding {
	scan := x.scan
	if scan.Object == nil {
		return nil
	}
	h, w, count := scan.Object.Shape[0], scan.Object.Shape[1], 0
	for i := range scan.X {
		row, col := frame.Pixel(scan.Y[i])-scan.N/2, frame.Pixel(scan.X[i])-scan.N/2
		if row < 0 || col < 0 || row+scan.N > h || col+scan.N > w {
			count++
		}
	}
	if count == 0 {
		return nil
	}
	return []Finding{{
		Severity: Warning, Key: x.scan.PositionsKey(),
		Found: fmt.Sprintf("%d of %d patches not wholly within %s, %d x %d pixels",
			count, scan.M, dataset.KeyObject, h, w),
		Expected: fmt.Sprintf("centres from %d to %d (x) and %d (y)", scan.N/2, w-scan.N/2, h-scan.N/2),
		Fix: "add an offset to the positions, pad the object, or leave " + dataset.KeyObject +
			" out: training by physics needs none",
	}}
}
