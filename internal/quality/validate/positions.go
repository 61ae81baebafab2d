package validate

import (
	"fmt"
	"math"

	"ptyx/internal/base/frame"
	"ptyx/internal/scan/dataset"
)

const (
	goodOverlap  = 0.6 // of the probe's diameter: where ePIE does best (Bunk et al., Ultramicroscopy 108, 481, 2008)
	leastOverlap = 0.5
	closePixels  = 0.5 // neighbours nearer than this see the same: another unit than pixels, most likely
)

// positions examines where the patterns were taken.
func positions(scan *dataset.Scan, f *Facts) []Finding {
	if scan.M < 2 {
		return outside(scan)
	}
	if bad := units(scan, f); bad != nil {
		return []Finding{*bad} // with another unit all distances are wrong
	}
	return append(append(outside(scan), repeated(scan)...), overlap(scan, f)...)
}

const coords = dataset.KeyX + ", " + dataset.KeyY

// units tells of positions that are no object pixels.
func units(scan *dataset.Scan, f *Facts) *Finding {
	span := max(f.X[1]-f.X[0], f.Y[1]-f.Y[0])
	finding := &Finding{Severity: Error, Check: "units", Key: coords, Expected: "object pixels", Fix: "divide by the object's pixel size, (wavelength x distance) / (N x detector pixel)"}
	switch {
	case span == 0:
		finding.Found, finding.Expected, finding.Fix = fmt.Sprintf("the same position for all %d patterns", scan.M), "a scan", "save the measured positions"
	case span < 1e-2:
		finding.Found = fmt.Sprintf("all positions within %.3g: metres, it seems", span)
	case span < 1 || *f.Step < closePixels:
		finding.Found = fmt.Sprintf("all positions within %.3g, neighbours %.3g apart: microns, it seems", span, *f.Step)
	default:
		return nil
	}
	return finding
}

// repeated tells of positions that occur more than once.
func repeated(scan *dataset.Scan) []Finding {
	first := map[[2]float64]int{}
	count, example := 0, [2]int{}
	for i := range scan.X {
		at := [2]float64{scan.X[i], scan.Y[i]}
		earlier, met := first[at]
		if !met {
			first[at] = i
			continue
		}
		if count == 0 {
			example = [2]int{earlier, i}
		}
		count++
	}
	if count == 0 {
		return nil
	}
	return []Finding{{
		Severity: Warning, Check: "repeated", Key: coords,
		Found:    fmt.Sprintf("%d of %d positions that occur before, as patterns %d and %d at (%.6g, %.6g)", count, scan.M, example[0], example[1], scan.X[example[0]], scan.Y[example[0]]),
		Expected: "each once", Fix: "check that the stage moved, and drop what was measured twice",
	}}
}

// overlap compares the distance of neighbours with the probe.
func overlap(scan *dataset.Scan, f *Facts) []Finding {
	if f.Overlap == nil {
		return nil
	}
	var findings []Finding
	found := fmt.Sprintf("neighbours %.3g pixels apart under a probe of %.3g pixels: an overlap of %.0f%%", *f.Step, *f.Probe, max(0, 100**f.Overlap))
	fix := "scan in smaller steps, or with a wider probe"
	switch {
	case *f.Overlap <= 0:
		findings = append(findings, Finding{
			Severity: Error, Check: "overlap", Key: coords, Found: found, Expected: fmt.Sprintf("about %.0f%%", 100*goodOverlap), Fix: fix + "; or the positions are in another unit than object pixels"})
	case *f.Overlap < leastOverlap:
		findings = append(findings, Finding{Severity: Warning, Check: "overlap", Key: coords, Found: found, Expected: fmt.Sprintf("about %.0f%%", 100*goodOverlap), Fix: fix})
	}
	alone := 0
	for _, d := range nearestDistances(scan.X, scan.Y) {
		if d > *f.Probe {
			alone++
		}
	}
	if *f.Overlap > 0 && alone > 0 {
		findings = append(findings, Finding{
			Severity: Warning, Check: "alone", Key: coords, Found: fmt.Sprintf("%d of %d positions farther from all others than the probe is wide, %.3g pixels", alone, scan.M, *f.Probe),
			Expected: "overlapping neighbours", Fix: "look for wrong positions, or drop these patterns",
		})
	}
	return findings
}

// nearestDistances are each position's distance to the nearest other, pixels.
func nearestDistances(x, y []float64) []float64 {
	out := make([]float64, len(x))
	for i, j := range dataset.Nearest(x, y) {
		out[i] = math.Hypot(x[i]-x[j], y[i]-y[j])
	}
	return out
}

// outside tells of patches that leave the object in the file.
func outside(scan *dataset.Scan) []Finding {
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
		Severity: Warning, Check: "outside", Key: coords,
		Found:    fmt.Sprintf("%d of %d patches not wholly within %s, %d x %d pixels", count, scan.M, dataset.KeyObject, h, w),
		Expected: fmt.Sprintf("centres from %d to %d (x) and %d (y)", scan.N/2, w-scan.N/2, h-scan.N/2),
		Fix:      "add an offset to the positions, pad the object, or leave " + dataset.KeyObject + " out: training by physics needs none",
	}}
}
