package viewer

import (
	"encoding/binary"
	"math"
	"math/cmplx"
	"slices"

	"ptyx/internal/base/frame"
)

const (
	// tileSide is the side of a tile in pixels of the screen. Small tiles send little beyond what has changed.
	tileSide = 32
	// maxLevel is the coarsest zoom: a pixel of the screen is 2^level pixels of the object.
	maxLevel = 12
	// samples is how many pixels of the object, along each axis, a pixel of the screen is the mean of at most.
	samples = 4
)

// tile is the place of a tile: it covers the object's rows from row * tileSide * 2^level on, and the columns alike.
type tile struct{ level, row, col int }

// side is the side of a tile in pixels of the object.
func (t tile) side() int { return tileSide << t.level }

// tilesOf returns the range of tiles that a box touches: rows [top, bottom), columns [left, right).
func tilesOf(b frame.Box, level int) (top, left, bottom, right int) {
	side := tileSide << level
	return frame.FloorDiv(b.Top, side), frame.FloorDiv(b.Left, side),
		frame.FloorDiv(b.Bottom-1, side) + 1, frame.FloorDiv(b.Right-1, side) + 1
}

// tileHeader is the length of the numbers before the values of a tile.
const tileHeader = 4 + 2*4 + 8*8

// encoder makes tiles. One goroutine uses it.
type encoder struct {
	values   []complex64
	coverage []float32
	refined  []bool
	planes   [4][tileSide * tileSide]float64 // amplitude, phase, coverage, share that is refined
	out      []byte
}

// encode returns a tile as bytes, valid until the next call:
//
//	level, 1 if there is anything, 1 if some of it is refined, 0    uint8
//	row, col                                                        int32
//	low and high amplitude, low and high phase,
//	high coverage, row, col and level of the plane                  float64
//	amplitude, phase, coverage, and if there is some the refined    uint8 (32, 32)
//
// All are little-endian. 0 to 255 stands for low to high; the low end of the coverage is 0, and the
// share of refined pixels is from 0 to 1. Each row is stored as the
// differences between neighbours, modulo 256, which compress better. The phase is that of the object without the
// plane, in rad.
func (e *encoder) encode(t tile, source Source, p plane) []byte {
	per := min(1<<t.level, samples) // along each axis
	step, side := 1<<t.level/per, tileSide*per
	if e.values == nil {
		e.values = make([]complex64, tileSide*tileSide*samples*samples)
		e.coverage, e.refined = make([]float32, len(e.values)), make([]bool, len(e.values))
	}
	top, left := t.row*t.side(), t.col*t.side()
	clear(e.refined)
	source.Look(top, left, side, side, step, e.values, e.coverage, e.refined)
	any := e.average(per, top, left, step, p)
	e.out = append(e.out[:0], byte(t.level), 0, 0, 0)
	e.out = binary.LittleEndian.AppendUint32(e.out, uint32(int32(t.row)))
	e.out = binary.LittleEndian.AppendUint32(e.out, uint32(int32(t.col)))
	if !any {
		return e.out
	}
	e.out[1] = 1
	amplitude, phase, coverage := e.rangeOf(0), e.rangeOf(1), [2]float64{0, e.rangeOf(2)[1]}
	for _, v := range []float64{
		amplitude[0], amplitude[1], phase[0], phase[1], coverage[1], p.perRow, p.perCol, p.level,
	} {
		e.out = binary.LittleEndian.AppendUint64(e.out, math.Float64bits(v))
	}
	for k, limits := range [][2]float64{amplitude, phase, coverage} {
		e.append(k, limits)
	}
	if slices.Contains(e.refined[:side*side], true) {
		e.out[2] = 1
		e.append(3, [2]float64{0, 1})
	}
	return e.out
}

// average fills the planes with means over the samples of each pixel, per along each axis, and reports whether any of
// them is covered. The amplitude is the mean of amplitudes, the phase that of the mean value without the plane.
func (e *encoder) average(per, top, left, step int, p plane) (any bool) {
	width := tileSide * per
	rows, cols := p.turns(top, step, width, p.perRow), p.turns(left, step, width, p.perCol)
	for i := range tileSide * tileSide {
		row, col := i/tileSide*per, i%tileSide*per
		var sum complex128
		amplitude, coverage, count, refined := 0.0, 0.0, 0.0, 0.0
		for r := row; r < row+per; r++ {
			for c := col; c < col+per; c++ {
				k := r*width + c
				if e.coverage[k] == 0 {
					continue
				}
				value := complex128(e.values[k])
				amplitude += math.Hypot(real(value), imag(value))
				sum += value * rows[r] * cols[c]
				coverage, count = coverage+float64(e.coverage[k]), count+1
				if e.refined[k] {
					refined++
				}
			}
		}
		any = any || count > 0
		e.planes[0][i], e.planes[1][i] = amplitude/max(1, count), p.phase(sum)
		e.planes[2][i], e.planes[3][i] = coverage/float64(per*per), refined/max(1, count)
	}
	return any
}

// rangeOf is the range of a plane where something is covered.
func (e *encoder) rangeOf(k int) (limits [2]float64) {
	limits = [2]float64{math.Inf(1), math.Inf(-1)}
	for i, v := range e.planes[k] {
		if e.planes[2][i] > 0 {
			limits[0], limits[1] = min(limits[0], v), max(limits[1], v)
		}
	}
	return limits
}

// append appends a plane.
func (e *encoder) append(k int, limits [2]float64) {
	scale := 0.0
	if limits[1] > limits[0] {
		scale = 255 / (limits[1] - limits[0])
	}
	before := byte(0)
	for i, v := range e.planes[k] {
		now := before // a pixel that is not covered costs nothing
		if e.planes[2][i] > 0 || k == 2 {
			now = byte(min(max((v-limits[0])*scale, 0), 255) + 0.5)
		}
		if k == 2 && v > 0 && now == 0 {
			now = 1 // covered, if hardly
		}
		e.out = append(e.out, now-before)
		before = now
	}
}

// plane is the part of the phase that no pattern determines: perRow row + perCol col + level, in rad, of pixels of the
// scan's frame.
type plane struct {
	perRow, perCol, level float64
	even                  float64 // coverage of the inside of the scan
}

// turns are the factors that take the plane's part along one axis from pixels first, first + step and so on.
func (p plane) turns(first, step, count int, per float64) []complex128 {
	out := make([]complex128, count)
	for i := range out {
		out[i] = cmplx.Rect(1, -per*float64(first+i*step))
	}
	return out
}

// phase is the phase of a value without its slope, less the level, in [-pi, pi].
func (p plane) phase(v complex128) float64 {
	if v == 0 {
		return 0
	}
	return math.Remainder(cmplx.Phase(v)-p.level, 2*math.Pi)
}
