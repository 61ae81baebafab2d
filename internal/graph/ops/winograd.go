package ops

import (
	"gorgonia.org/tensor"

	"ptyx/internal/graph/onnxir"
)

// Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016):
// an image is cut into tiles of 4 x 4 outputs, each with its 6 x 6 inputs; in a transformed domain the convolution of a
// tile is a product of 36 numbers, where it takes 144 otherwise. The transforms are linear along each axis,
//
//	y = A (W^ . (B^T x)),  W^ = G w,
//
// so the gradients need the same three matrices, transposed, and the transformed x and dy serve two passes each.
// Lowered, everything is a matrix product: the transforms with a banded matrix that holds all tiles of a line, the
// middle a batch of 36 products over channels.
//
// The interpolation points are 0, 1, -1, 2, -2 and infinity. In float32 results differ from a plain convolution's by
// about 1e-5 of the largest (measured; Lavin and Gray report the same order).

const (
	tileOutputs = 4
	tileInputs  = 6
)

// The transforms of one tile, by rows.
var (
	winogradData = [tileInputs][tileInputs]float32{ // B^T
		{4, 0, -5, 0, 1, 0},
		{0, -4, -4, 1, 1, 0},
		{0, 4, -4, -1, 1, 0},
		{0, -2, -1, 2, 1, 0},
		{0, 2, -1, -2, 1, 0},
		{0, 4, 0, -5, 0, 1},
	}
	winogradKernel = [tileInputs][3]float32{ // G
		{1. / 4, 0, 0},
		{-1. / 6, -1. / 6, -1. / 6},
		{-1. / 6, 1. / 6, -1. / 6},
		{1. / 24, 1. / 12, 1. / 6},
		{1. / 24, -1. / 12, 1. / 6},
		{0, 0, 1},
	}
	winogradResult = [tileOutputs][tileInputs]float32{ // A^T
		{1, 1, 1, 1, 1, 0},
		{0, 1, -1, 2, -2, 0},
		{0, 1, 1, 4, 4, 0},
		{0, 1, -1, 8, -8, 1},
	}
)

// winograd lowers one convolution and its gradients. Images are rows first, see layout.go.
type winograd struct {
	images, in, out int
	height, width   int
}

// suitsWinograd reports whether the convolution of x (B, I, H, W) with w (O, I, K, K) should be lowered this way. The
// saved multiplications grow with the channels on both sides, the transforms cost the same whatever the channels; the
// limit was measured, see docs/dev/performance.md.
func suitsWinograd(b *onnxir.Builder, x, w tensor.Shape) bool {
	const fewest = 16 // harmonic mean of the channels, halved
	return b.Target().Winograd && w[2] == 3 && x[2]%tileOutputs == 0 && x[3]%tileOutputs == 0 &&
		w[0]*w[1] >= fewest*(w[0]+w[1])
}

func newWinograd(x, w tensor.Shape) winograd {
	return winograd{images: x[0], in: w[1], out: w[0], height: x[2], width: x[3]}
}

// points is the number of products that a tile takes.
const points = tileInputs * tileInputs

// forward is x (H, W, B, I), w (O, I, 3, 3) -> (H, W, B, O), without bias.
func (c winograd) forward(b *onnxir.Builder, x, w string) string {
	return c.leave(b, transposedMatMul(b, c.data(b, x), c.kernel(b, w)), c.out, resultLine)
}

// gradInput is dy (H, W, B, O), w (O, I, 3, 3) -> (H, W, B, I).
func (c winograd) gradInput(b *onnxir.Builder, dy, w string) string {
	return c.leave(b, b.Temp("MatMul", []string{c.gradient(b, dy), c.kernel(b, w)}), c.in, dataLine)
}

// gradWeight writes x (H, W, B, I), dy (H, W, B, O) -> (O, I, 3, 3).
func (c winograd) gradWeight(b *onnxir.Builder, x, dy, output string) {
	middle := fusedMatMul(b, c.gradient(b, dy), c.data(b, x), onnxir.Int("transA", 1)) // (36, O, I)
	flat := reshaped(b, middle, points, c.out*c.in)
	taps := fusedMatMul(b, flat, b.Floats(kernelMatrix(), points, 9), onnxir.Int("transA", 1)) // (O*I, 9)
	b.Node("Reshape", output, []string{taps, b.Shape(c.out, c.in, 3, 3)})
}

// kernel transforms w (O, I, 3, 3) -> (36, O, I).
func (c winograd) kernel(b *onnxir.Builder, w string) string {
	return b.Shared("winograd kernel "+w, func() string {
		taps := reshaped(b, w, c.out*c.in, 9)
		return reshaped(b, transposedMatMul(b, b.Floats(kernelMatrix(), points, 9), taps), points, c.out, c.in)
	})
}

// data transforms x (H, W, B, I) -> (36, tiles * B, I).
func (c winograd) data(b *onnxir.Builder, x string) string {
	return b.Shared("winograd data "+x, func() string { return c.enter(b, x, c.in, dataLine) })
}

// gradient transforms dy (H, W, B, O) -> (36, tiles * B, O).
func (c winograd) gradient(b *onnxir.Builder, dy string) string {
	return b.Shared("winograd gradient "+dy, func() string { return c.enter(b, dy, c.out, resultLine) })
}

// enter takes images into the transformed domain, (H, W, B, C) -> (36, tiles * B, C).
func (c winograd) enter(b *onnxir.Builder, x string, channels int, of func(pixels int) line) string {
	rows, columns := of(c.height), of(c.width)
	x = rows.enter(b, x, 1, c.width*c.images*channels)        // (row points, W * B * C)
	x = columns.enter(b, x, rows.points(), c.images*channels) // (row points, column points, B * C)
	x = reshaped(b, x, rows.blocks, tileInputs, rows.tiles, columns.blocks, tileInputs, columns.tiles*c.images*channels)
	x = b.Temp("Transpose", []string{x}, onnxir.Ints("perm", 1, 4, 0, 2, 3, 5))
	return reshaped(b, x, points, c.height*c.width/(tileOutputs*tileOutputs)*c.images, channels)
}

// leave brings images back, (36, tiles * B, C) -> (H, W, B, C).
func (c winograd) leave(b *onnxir.Builder, x string, channels int, of func(pixels int) line) string {
	rows, columns := of(c.height), of(c.width)
	x = reshaped(b, x, tileInputs, tileInputs, rows.blocks, rows.tiles, columns.blocks, columns.tiles*c.images*channels)
	x = b.Temp("Transpose", []string{x}, onnxir.Ints("perm", 2, 0, 3, 4, 1, 5))
	x = columns.leave(b, x, rows.points(), c.images*channels)
	x = rows.leave(b, x, 1, c.width*c.images*channels)
	return reshaped(b, x, c.height, c.width, c.images, channels)
}
