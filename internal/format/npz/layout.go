package npz

import (
	"fmt"
	"strings"
)

// layout walks the elements of a member in the order of the file and gives the index of each in the result, which is in
// C order of the permuted axes.
type layout struct {
	shape    []int // of the result
	count    int   // of elements
	straight bool  // the file is already in the result's order
	dims     []int // extents, fastest axis of the file first
	strides  []int // strides of the same axes in the result
	at       []int
	offset   int
}

// layoutOf plans the walk over count elements; axes names the file's axis for each axis of the result, none means as
// they are.
func layoutOf(h Header, axes []int, count int) (*layout, error) {
	rank := len(h.Shape)
	if len(axes) == 0 {
		for a := range rank {
			axes = append(axes, a)
		}
	}
	if len(axes) != rank {
		return nil, fmt.Errorf("%d axes asked of %d", len(axes), rank)
	}
	l := &layout{shape: make([]int, rank), count: count, straight: true, at: make([]int, rank)}
	strideOf := make([]int, rank) // by axis of the file
	for p, stride := rank-1, 1; p >= 0; p-- {
		a := axes[p]
		if a < 0 || a >= rank || strideOf[a] != 0 {
			return nil, fmt.Errorf("axes %v are no permutation", axes)
		}
		l.shape[p] = h.Shape[a]
		strideOf[a] = stride
		stride *= max(1, h.Shape[a])
	}
	natural := 1
	for k := range rank {
		a := rank - 1 - k
		if h.Fortran {
			a = k
		}
		l.dims = append(l.dims, h.Shape[a])
		l.strides = append(l.strides, strideOf[a])
		if h.Shape[a] > 1 && strideOf[a] != natural {
			l.straight = false
		}
		natural *= max(1, h.Shape[a])
	}
	return l, nil
}

// next is the index of the file's next element in the result.
func (l *layout) next() int {
	index := l.offset
	for k := range l.dims {
		l.at[k]++
		l.offset += l.strides[k]
		if l.at[k] < l.dims[k] {
			break
		}
		l.offset -= l.at[k] * l.strides[k]
		l.at[k] = 0
	}
	return index
}

// shapeText writes a shape as Python does.
func shapeText(shape []int) string {
	if len(shape) == 1 {
		return fmt.Sprintf("(%d,)", shape[0])
	}
	return "(" + strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]") + ")"
}
