package ops

import "ptyx/internal/graph/onnxir"

// line is Winograd's transform along one axis of a rows-first image: pixels to points and, transposed, back. The axis
// is cut into blocks, so that the banded matrix of a block stays small; the points of a block are ordered by their
// place in the tile, then by tile: (blocks, 6, tiles).
type line struct {
	blocks int
	pixels int       // in a block, without halo
	tiles  int       // in a block
	halo   int       // pixels that a block shares with each neighbour: 0 or 1
	matrix []float32 // (6 * tiles, halo + pixels + halo)
}

// lineBlock is the largest block, in pixels: four tiles keep the products large enough and the zeros few (measured).
const lineBlock = 16

func newLine(pixels, halo int) line {
	l := line{blocks: 1, pixels: pixels}
	if pixels > lineBlock && pixels%lineBlock == 0 {
		l.blocks, l.pixels, l.halo = pixels/lineBlock, lineBlock, halo
	}
	l.tiles = l.pixels / tileOutputs
	l.matrix = make([]float32, tileInputs*l.tiles*l.width())
	return l
}

// width is the number of pixels that a block reads.
func (l line) width() int { return l.pixels + 2*l.halo }

// points is the number of points of all blocks.
func (l line) points() int { return l.blocks * tileInputs * l.tiles }

// set puts the transform between point s of a tile and a pixel counted from the block's first own one. Pixels that the
// block does not look at are beyond the image and 0.
func (l line) set(s int, tile, pixel int, v float32) {
	if at := pixel + l.halo; at >= 0 && at < l.width() {
		l.matrix[(s*l.tiles+tile)*l.width()+at] = v
	}
}

// dataLine is B^T: a tile reads one pixel more on either side than it computes.
func dataLine(pixels int) line {
	l := newLine(pixels, 1)
	for s, row := range winogradData {
		for tile := range l.tiles {
			for j, v := range row {
				l.set(s, tile, tile*tileOutputs+j-1, v)
			}
		}
	}
	return l
}

// resultLine is A, the transpose of A^T.
func resultLine(pixels int) line {
	l := newLine(pixels, 0)
	for j, row := range winogradResult {
		for tile := range l.tiles {
			for s, v := range row {
				l.set(s, tile, tile*tileOutputs+j, v)
			}
		}
	}
	return l
}

// kernelMatrix is G along both axes, (36, 9).
func kernelMatrix() []float32 {
	m := make([]float32, 0, points*9)
	for _, rows := range winogradKernel {
		for _, columns := range winogradKernel {
			for _, p := range rows {
				for _, q := range columns {
					m = append(m, p*q)
				}
			}
		}
	}
	return m
}

// enter makes points of pixels along the middle axis: (lead, pixels, run) -> (lead, points, run).
func (l line) enter(b *onnxir.Builder, x string, lead, run int) string {
	x = reshaped(b, x, lead, l.blocks, l.pixels, run)
	if l.halo > 0 {
		x = l.withHalo(b, x)
	}
	return b.Temp("MatMul", []string{b.Floats(l.matrix, tileInputs*l.tiles, l.width()), x})
}

// leave makes pixels of points: (lead, points, run) -> (lead, pixels, run).
func (l line) leave(b *onnxir.Builder, x string, lead, run int) string {
	x = reshaped(b, x, lead, l.blocks, tileInputs*l.tiles, run)
	x = b.Temp("MatMul", []string{b.Floats(l.transposed(), l.width(), tileInputs*l.tiles), x})
	if l.halo > 0 {
		x = l.addHalo(b, x)
	}
	return x
}

func (l line) transposed() []float32 {
	rows, columns := tileInputs*l.tiles, l.width()
	t := make([]float32, len(l.matrix))
	for r := range rows {
		for c := range columns {
			t[c*rows+r] = l.matrix[r*columns+c]
		}
	}
	return t
}

// withHalo gives each block the nearest pixel of both neighbours: (lead, blocks, pixels, run) -> (lead, blocks, width,
// run).
func (l line) withHalo(b *onnxir.Builder, x string) string {
	before := shiftBlocks(b, sliced(b, x, 2, l.pixels-1, l.pixels), 1)
	after := shiftBlocks(b, sliced(b, x, 2, 0, 1), -1)
	return b.Temp("Concat", []string{before, x, after}, onnxir.Int("axis", 2))
}

// addHalo is the transpose of withHalo: it adds the halo of each block to the neighbours' pixels.
func (l line) addHalo(b *onnxir.Builder, x string) string {
	last := l.width() - 1
	fromBefore := shiftBlocks(b, sliced(b, x, 2, last, last+1), 1)
	fromAfter := shiftBlocks(b, sliced(b, x, 2, 0, 1), -1)
	first := b.Temp("Add", []string{sliced(b, x, 2, 1, 2), fromBefore})
	end := b.Temp("Add", []string{sliced(b, x, 2, last-1, last), fromAfter})
	return b.Temp("Concat", []string{first, sliced(b, x, 2, 2, last-1), end}, onnxir.Int("axis", 2))
}

// shiftBlocks moves (lead, blocks, 1, run) by one block, forward or back, with zeros following.
func shiftBlocks(b *onnxir.Builder, x string, by int) string {
	return b.Temp("Pad", []string{x, b.Int64s(0, by, 0, 0, 0, -by, 0, 0), b.Scalar(0)})
}
