package validate

import "fmt"

// repeated looks for positions that occur more than once.
func repeated(x *exam) []Finding {
	scan, first := x.scan, map[[2]float64]int{}
	count, example := 0, [2]int{}
	for i := range scan.X {
		at := [2]float64{scan.X[i], scan.Y[i]}
		earlier, seen := first[at]
		if !seen {
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
		Severity: Warning, Key: x.scan.PositionsKey(),
		Found: fmt.Sprintf("%d of %d positions that occur before, as patterns %d and %d at (%.6g, %.6g)",
			count, scan.M, example[0], example[1], scan.X[example[0]], scan.Y[example[0]]),
		Expected: "each once", Fix: "check that the stage moved, and drop what was measured twice",
	}}
}
