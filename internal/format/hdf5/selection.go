package hdf5

import (
	"math/bits"
	"slices"
)

// selection is a regular part of an array: along each axis count blocks of block elements, one every stride. Without
// axes, it is all of the array.
type selection struct{ start, stride, count, block []uint64 }

func (s selection) isAll() bool { return len(s.start) == 0 }

// of is the selection in an array with the shape dims.
func (s selection) of(dims []int) (selection, bool) {
	if !s.isAll() {
		return s, len(s.start) == len(dims)
	}
	all := selection{block: make([]uint64, len(dims)), start: make([]uint64, len(dims))}
	for axis, n := range dims {
		all.block[axis] = uint64(n)
	}
	all.count = slices.Repeat([]uint64{1}, len(dims))
	all.stride = all.count
	return all, true
}

// end is the element after the last one along the first axis; 0 if all are selected.
func (s selection) end() int {
	if s.isAll() || s.count[0] == 0 {
		return 0
	}
	hi, span := bits.Mul64(s.count[0]-1, s.stride[0])
	if hi != 0 || max(span, s.start[0], s.block[0]) > mostElements {
		return mostElements
	}
	return int(s.start[0] + span + s.block[0])
}

// stretch is count frames in a row, from first on.
type stretch struct{ first, count int }

// mostStretches is the number of stretches that one dataset may be divided into.
const mostStretches = 1 << 20

// frames divides the selection of an array with the shape dims into frames, which have the last axes of dims, cell of
// them. It returns the frames in order, numbered over all other axes, and the part of each that is selected. It fails
// if the selection leaves the array, if the part is not one rectangle, or if there are too many stretches.
func (s selection) frames(dims []int, cell int) (frames, part []stretch, ok bool) {
	if s, ok = s.of(dims); !ok {
		return nil, nil, false
	}
	for axis, n := range dims {
		if !s.fits(axis, uint64(n)) {
			return nil, nil, false
		}
	}
	lead := len(dims) - cell
	for axis := lead; axis < len(dims); axis++ {
		blocks := s.blocks(axis)
		if len(blocks) != 1 {
			return nil, nil, false
		}
		part = append(part, blocks[0])
	}
	frames = []stretch{{0, 1}}
	for axis, n := range dims[:lead] {
		blocks := s.blocks(axis)
		if axis < lead-1 { // its neighbours are apart by the axes after it
			blocks = singles(blocks)
		}
		if len(blocks) == 0 || len(frames) > mostStretches/len(blocks) {
			return nil, nil, false
		}
		next := make([]stretch, 0, len(frames)*len(blocks))
		for _, outer := range frames { // of one frame each
			for _, b := range blocks {
				next = append(next, stretch{outer.first*n + b.first, b.count})
			}
		}
		frames = next
	}
	return frames, part, true
}

// fits reports whether the selection is within an axis of n elements, and has any.
func (s selection) fits(axis int, n uint64) bool {
	start, stride, count, block := s.start[axis], s.stride[axis], s.count[axis], s.block[axis]
	if count == 0 || block == 0 || start >= n || count > n || block > n {
		return false
	}
	if count > 1 && (stride < block || stride > n) {
		return false
	}
	return start+(count-1)*min(stride, n)+block <= n
}

// blocks are the blocks along an axis, as one where they touch; none if there are too many.
func (s selection) blocks(axis int) []stretch {
	start, stride, count, block := s.start[axis], s.stride[axis], s.count[axis], s.block[axis]
	if count == 1 || stride == block {
		return []stretch{{int(start), int(count * block)}}
	}
	if count > mostStretches {
		return nil
	}
	all := make([]stretch, count)
	for i := range all {
		all[i] = stretch{int(start + uint64(i)*stride), int(block)}
	}
	return all
}

// singles divides stretches into stretches of one; none if there are too many.
func singles(all []stretch) (one []stretch) {
	for _, s := range all {
		if s.count > mostStretches-len(one) {
			return nil
		}
		for i := range s.count {
			one = append(one, stretch{s.first + i, 1})
		}
	}
	return one
}

// frameCount is the sum of the counts.
func frameCount(all []stretch) (n int) {
	for _, s := range all {
		n += s.count
	}
	return n
}
