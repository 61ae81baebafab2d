package watch

import (
	"math"
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

// span is the smallest and the largest id of a table that is not empty.
func (t *table[T]) span() (low, high int64) {
	low = math.MaxInt64
	for number, p := range t.pages {
		low = min(low, number*pageIDs+int64(bits.TrailingZeros64(p.present)))
		high = max(high, number*pageIDs+int64(bits.Len64(p.present))-1)
	}
	return low, high
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
