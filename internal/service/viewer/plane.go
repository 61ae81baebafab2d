package viewer

import (
	"math/cmplx"
	"slices"

	"ptyx/internal/base/frame"
)

const (
	planeBlocks = 16   // along each axis
	planeSide   = 16   // of a block, in pixels
	evenCover   = 0.9  // percentile of the coverage that stands for the inside of a scan, as in package render
	wellCovered = 0.25 // of it: a pixel counts for the plane
)

// planeOf estimates the plane of an object from small blocks all over it. Its slope is the phase of the sum of
// conj(o[r, c]) o[r, c+1], and alike along rows; its level the mean phase without the slope.
func planeOf(source Source) (p plane) {
	box := source.Box()
	if box.Height() == 0 {
		return p
	}
	blocks := blocksOf(source, box)
	var cover []float64
	for _, b := range blocks {
		for _, c := range b.coverage {
			if c > 0 {
				cover = append(cover, float64(c))
			}
		}
	}
	if len(cover) == 0 {
		return p
	}
	slices.Sort(cover)
	p.even = cover[int(evenCover*float64(len(cover)-1))]
	var down, across, mean complex128
	for _, b := range blocks {
		d, a := b.slopes(wellCovered * p.even)
		down, across = down+d, across+a
	}
	p.perRow, p.perCol = cmplx.Phase(down), cmplx.Phase(across)
	for _, b := range blocks {
		mean += b.mean(wellCovered*p.even, p)
	}
	p.level = cmplx.Phase(mean)
	return p
}

// block is a small part of an object.
type block struct {
	top, left  int
	rows, cols int
	values     []complex64
	coverage   []float32
}

// blocksOf are blocks in even distances.
func blocksOf(source Source, box frame.Box) (blocks []block) {
	places := func(from, to int) (at []int, length int) {
		length = min(planeSide, to-from)
		count := min(planeBlocks, (to-from)/length)
		for i := range count {
			at = append(at, from+(2*i+1)*(to-from)/(2*count)-length/2)
		}
		return at, length
	}
	rows, height := places(box.Top, box.Bottom)
	cols, width := places(box.Left, box.Right)
	for _, top := range rows {
		for _, left := range cols {
			b := block{
				top: top, left: left, rows: height, cols: width,
				values: make([]complex64, height*width), coverage: make([]float32, height*width),
			}
			source.Look(top, left, height, width, 1, b.values, b.coverage)
			blocks = append(blocks, b)
		}
	}
	return blocks
}

// slopes are the sums whose phases are the slopes along rows and columns, over pixels with at least some coverage.
func (b block) slopes(least float64) (down, across complex128) {
	pair := func(i, j int) complex128 {
		if float64(min(b.coverage[i], b.coverage[j])) < least {
			return 0
		}
		return cmplx.Conj(complex128(b.values[i])) * complex128(b.values[j])
	}
	for i := range b.values {
		if i%b.cols+1 < b.cols {
			across += pair(i, i+1)
		}
		if i+b.cols < len(b.values) {
			down += pair(i, i+b.cols)
		}
	}
	return down, across
}

// mean is the sum of the values without the slope of a plane.
func (b block) mean(least float64, p plane) (sum complex128) {
	for i, v := range b.values {
		if float64(b.coverage[i]) >= least {
			row, col := float64(b.top+i/b.cols), float64(b.left+i%b.cols)
			sum += complex128(v) * cmplx.Rect(1, -p.perRow*row-p.perCol*col)
		}
	}
	return sum
}
