package stitch

// idSet is a set of frame numbers: one bit each, in pages that are made when first touched, so that numbers need not
// start at 0 nor be dense.
type idSet struct{ pages map[int]*[pageWords]uint64 }

const (
	pageWords = 64
	pageShift = 12 // log2 of the bits in a page
)

func (s *idSet) has(id int) bool {
	page := s.pages[id>>pageShift]
	return page != nil && page[id>>6&(pageWords-1)]>>(id&63)&1 == 1
}

func (s *idSet) add(id int) {
	page := s.pages[id>>pageShift]
	if page == nil {
		if s.pages == nil {
			s.pages = make(map[int]*[pageWords]uint64)
		}
		page = new([pageWords]uint64)
		s.pages[id>>pageShift] = page
	}
	page[id>>6&(pageWords-1)] |= 1 << (id & 63)
}
