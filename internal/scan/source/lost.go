package source

import (
	"fmt"

	"ptyx/internal/format/hdf5"
)

// Lost are patterns whose data files are missing, or end too early.
type Lost struct {
	Frames []hdf5.Span
	Files  []string // or links to them
}

// Count is the number of lost patterns.
func (l *Lost) Count() (n int) {
	for _, s := range l.Frames {
		n += s.Count
	}
	return n
}

// lostOf are the lost frames of a dataset; nil if there are none. A frame has the last axes, cell of them.
func lostOf(d dataset, cell int) *Lost {
	if len(d.Shape) <= cell {
		return nil
	}
	spans, files := d.Lost(cell)
	if len(spans) == 0 {
		return nil
	}
	return &Lost{spans, files}
}

// findLost notes the patterns that no file holds.
func (r *reader) findLost() {
	for _, key := range []string{Patterns, PatternsAlias} {
		m := r.members[key]
		var lost *Lost
		switch a := m.array.(type) {
		case dataset:
			lost = lostOf(a, 2)
		case sliced:
			lost = a.lost
		}
		if r.err != nil || lost == nil {
			continue
		}
		if h, err := m.array.Header(); err == nil && len(h.Shape) > 0 && lost.Count() == h.Shape[0] {
			r.fail(m.place, fmt.Sprintf("%d patterns, none of which is in a file", h.Shape[0]), listed(lost.Files),
				"copy the missing files there")
		}
		r.Facts.Lost = lost
	}
}
