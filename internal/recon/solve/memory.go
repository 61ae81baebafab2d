package solve

import "slices"

// memory is all that a method carries from pass to pass, beside object, probe and positions.
type memory struct {
	last         *unknowns // object and probe at the start of the pass before; nil: none
	lastY, lastX []float64 // (M), positions at that time; nil: none
	losses       []float64 // of the passes since the batches were last made larger
	batches      int       // of a pass of LSQML
}

// take overwrites the memory by a copy of another.
func (c *memory) take(m *memory) {
	last := c.last
	*c = memory{
		lastY: slices.Clone(m.lastY), lastX: slices.Clone(m.lastX), losses: slices.Clone(m.losses), batches: m.batches,
	}
	if m.last == nil {
		return
	}
	if last == nil {
		last = &unknowns{}
	}
	last.take(*m.last)
	c.last = last
}
