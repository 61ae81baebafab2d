package viewer

import (
	"math"
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

// planeOf estimates the plane of an object o from small blocks all over it. Its slope maximizes the sum of o without
// it, as in the pictures that ptyx writes. The search starts at the phase of the sum of conj(o[r, c]) o[r, c+1], and
// alike along rows. The level is the mean phase without the slope.
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
	var down, across complex128
	for _, b := range blocks {
		d, a := b.slopes(wellCovered * p.even)
		down, across = down+d, across+a
	}
	p.perRow, p.perCol = cmplx.Phase(down), cmplx.Phase(across)
	for range planeRounds {
		p.improve(blocks)
	}
	return p
}

// planeRounds is how often the slope is improved: the changes fall by about a hundredth each time.
const planeRounds = 4

// improve sets the level, and moves the slope towards the largest sum: with the phases a of the blocks' means m beyond
// the level, the sum of |m| sin(a) times the distance from the middle is 0 there.
func (p *plane) improve(blocks []block) {
	var all complex128
	var weight, rows, cols float64
	means := make([]complex128, len(blocks))
	for i, b := range blocks {
		means[i] = b.mean(wellCovered*p.even, *p)
		w := cmplx.Abs(means[i])
		all, weight, rows, cols = all+means[i], weight+w, rows+w*b.row(), cols+w*b.col()
	}
	if p.level = cmplx.Phase(all); weight == 0 {
		return
	}
	var down, across, tall, wide float64
	for i, b := range blocks {
		w, a := cmplx.Polar(means[i])
		r, c := b.row()-rows/weight, b.col()-cols/weight
		slope := w * math.Sin(a-p.level)
		down, across, tall, wide = down+slope*r, across+slope*c, tall+w*r*r, wide+w*c*c
	}
	if tall > 0 {
		p.perRow += down / tall
	}
	if wide > 0 {
		p.perCol += across / wide
	}
}

// row and col are the middle of a block.
func (b block) row() float64 { return float64(b.top) + float64(b.rows-1)/2 }
func (b block) col() float64 { return float64(b.left) + float64(b.cols-1)/2 }

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
			source.Look(top, left, height, width, 1, b.values, b.coverage, nil)
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
