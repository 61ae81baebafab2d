package watch

import (
	"math/bits"
	"slices"
)

// table maps ids of frames to values. Ids are mostly dense, so the values of pageIDs neighbours share a page, in the
// order of their ids. A value then takes hardly more memory than its own bytes; in a map it takes two to three times as
// much. The zero value is empty.
type table[T any] struct {
	pages map[int64]*tablePage[T]
	count int
}

// pageIDs is the number of ids of a page: one for each bit of tablePage.present.
const pageIDs = 64

// tablePage has the values of those ids that are present.
type tablePage[T any] struct {
	present uint64 // bit i: the i-th id of the page
	values  []T
}

// find returns the bit of an id, 0 or more, in its page, and the place of its value there.
func (p *tablePage[T]) find(id int64) (bit uint64, at int) {
	bit = 1 << (id % pageIDs)
	return bit, bits.OnesCount64(p.present & (bit - 1))
}

// get returns the value of an id.
func (t *table[T]) get(id int64) (value T, known bool) {
	p := t.pages[id/pageIDs]
	if p == nil {
		return value, false
	}
	bit, at := p.find(id)
	if p.present&bit == 0 {
		return value, false
	}
	return p.values[at], true
}

// add takes in the value of a new id.
func (t *table[T]) add(id int64, value T) {
	if t.pages == nil {
		t.pages = map[int64]*tablePage[T]{}
	}
	p := t.pages[id/pageIDs]
	if p == nil {
		p = &tablePage[T]{}
		t.pages[id/pageIDs] = p
	}
	bit, at := p.find(id)
	p.present |= bit
	p.values = slices.Insert(p.values, at, value)
	t.count++
}
