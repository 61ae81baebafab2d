package validate

import (
	"cmp"
	"fmt"
	"slices"
)

const (
	dimmest      = 4    // fraction of the pixels that show a background
	steady       = 0.5  // of a pixel's mean: a background is never below
	largeOffset  = 0.05 // share of the light that a background may have
	steadyFrames = 8    // patterns that show whether a pixel is steady
)

// background looks for an offset of all pixels, as the dark counts of a camera. Its pixels are lit in every pattern,
// and nearly the same, also the dimmest. What an object scatters to the rim changes from pattern to pattern, and is a
// small part of the light where it does not.
func background(x *exam) []Finding {
	if x.power == 0 || x.frames < steadyFrames {
		return nil
	}
	pixels := make([]int, 0, len(x.mean))
	for i := range x.mean {
		if x.scan.Measured == nil || x.scan.Measured[i] {
			pixels = append(pixels, i)
		}
	}
	slices.SortStableFunc(pixels, func(a, b int) int { return cmp.Compare(x.mean[a], x.mean[b]) })
	pixels = pixels[:max(1, len(pixels)/dimmest)]
	level := 0.0
	for _, i := range pixels {
		if x.least[i] < steady*x.mean[i] {
			return nil
		}
		level += x.mean[i] / float64(len(pixels))
	}
	share := level * float64(len(x.mean)*x.frames) / x.power
	if share < largeOffset {
		return nil
	}
	return []Finding{{
		Severity: Warning, Key: x.key,
		Found: fmt.Sprintf("an intensity of about %.3g in every pixel of every pattern: %.0f%% of the light",
			level, 100*share),
		Expected: "dark pixels far from the beam",
		Fix:      "subtract the dark image before taking square roots, or save counts without background, at least 0",
	}}
}
