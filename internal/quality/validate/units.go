package validate

import "fmt"

// closePixels is a distance of neighbours in object pixels below which they would see the same: most likely the unit is
// another.
const closePixels = 0.5

// units looks for positions that are no object pixels.
func units(x *exam) []Finding {
	if len(x.scan.X) < 2 {
		return nil
	}
	f := Finding{
		Severity: Error, Key: x.scan.PositionsKey(), Expected: "object pixels",
		Fix: "divide by the object's pixel size, (wavelength x distance) / (N x detector pixel), " +
			"or state their unit by --unit",
	}
	span := max(x.facts.X[1]-x.facts.X[0], x.facts.Y[1]-x.facts.Y[0])
	if span == 0 { // there is no step
		f.Found = fmt.Sprintf("the same position for all %d patterns", x.scan.M)
		f.Expected, f.Fix = "a scan", "save the measured positions"
		return []Finding{f}
	}
	switch step := *x.facts.Step; {
	case span < 1e-2:
		f.Found = fmt.Sprintf("all positions within %.3g: metres, it seems", span)
	case span < 1 || step < closePixels:
		f.Found = fmt.Sprintf("all positions within %.3g, neighbours %.3g apart: microns, it seems", span, step)
	default:
		return nil
	}
	return []Finding{f}
}
