package scenery

import "math"

// Step is a step about two pixels wide at distance 0, from 0 to 1: (1 + erf(distance)) / 2, to 1e-9. Half the time of
// a simulation would go into the error function, so it is interpolated from a table.
func Step(distance float64) float64 {
	switch {
	case distance >= stepReach:
		return 1
	case !(distance > -stepReach):
		return 0
	}
	at := (distance + stepReach) * stepDensity
	i := int(at)
	t, a, b := at-float64(i), &steps[i], &steps[i+1]
	rise := b.value - a.value
	return a.value + t*(a.slope+t*(3*rise-2*a.slope-b.slope+t*(a.slope+b.slope-2*rise)))
}

const (
	stepReach   = 4.5 // the step is flat to 1e-10 beyond
	stepDensity = 256 // entries of the table per unit of distance
)

// stepNode is the step at a node of the table, and its slope per node.
type stepNode struct{ value, slope float64 }

var steps = func() (table [2*stepReach*stepDensity + 2]stepNode) {
	for i := range table {
		d := float64(i)/stepDensity - stepReach
		table[i] = stepNode{0.5 * (1 + math.Erf(d)), math.Exp(-d*d) / math.Sqrt(math.Pi) / stepDensity}
	}
	return table
}()
