package validate

import "fmt"

// dark looks for patterns without light.
func dark(x *exam) []Finding {
	count := x.frames - len(x.light)
	switch count {
	case 0:
		return nil
	case x.frames:
		return []Finding{{Severity: Error, Key: x.key, Found: "no light in any pattern", Expected: "some"}}
	}
	return []Finding{{
		Severity: Warning, Key: x.key, Found: fmt.Sprintf("%d of %d patterns without any light", count, x.frames),
		Expected: "some light in each", Fix: "drop them with their positions",
	}}
}
