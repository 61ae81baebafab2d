package ops

import (
	"gorgonia.org/tensor"

	"ptyx/internal/onnxir"
)

// Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2016): an
// image is cut into tiles of 4 x 4 outputs, each with its 6 x 6 inputs; in a transformed domain the convolution of a tile is
// a product of 36 numbers, where it takes 144 otherwise. The transforms are linear along each axis,
//
//	y = A (W^ . (B^T x)),  W^ = G w,
//
// so the gradients need the same three matrices, transposed, and the transformed x and dy serve two passes each. Lowered,
// everything is a matrix product: the transforms with a banded matrix that holds all tiles of a line, the middle a batch of
// 36 products over channels.
//
// The interpolation points are 0, 1, -1, 2, -2 and infinity. In float32 results differ from a plain convolution's by about
// 1e-5 of the largest (measured; Lavin and Gray report the same order).

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

// winograd lowers one convolution and its gradients.
type winograd struct {
	images, in, out int64
	height, width   int64
}

// newWinograd tells whether the convolution of x (B, I, H, W) with w (O, I, K, K) should be lowered this way. The saved
// multiplications grow with the channels, the cost of the transforms with the image (their matrices hold whole lines); the
// limits were measured, see docs/performance.md.
func newWinograd(b *onnxir.Builder, x, w tensor.Shape) (winograd, bool) {
	c := winograd{images: int64(x[0]), in: int64(w[1]), out: int64(w[0]), height: int64(x[2]), width: int64(x[3])}
	suits := b.Target().Winograd && w[2] == 3 && c.height%tileOutputs == 0 && c.width%tileOutputs == 0 &&
		c.in*c.out >= (c.in+c.out)*max(c.height, c.width)
	return c, suits
}

// tiles along the two axes.
func (c winograd) tiles() (rows, columns int64) {
	return c.height / tileOutputs, c.width / tileOutputs
}

// forward is x (B, I, H, W), w (O, I, 3, 3) -> (B, O, H, W), without bias.
func (c winograd) forward(b *onnxir.Builder, x, w string) string {
	middle := b.Temp("MatMul", []string{c.kernel(b, w), c.data(b, x)}) // (36, O, tiles)
	return c.leave(b, "", middle, c.out, resultMatrix)
}

// gradInput writes dy (B, O, H, W), w (O, I, 3, 3) -> (B, I, H, W).
func (c winograd) gradInput(b *onnxir.Builder, dy, w, output string) {
	middle := fusedMatMul(b, c.kernel(b, w), c.gradient(b, dy), onnxir.Int("transA", 1)) // (36, I, tiles)
	c.leave(b, output, middle, c.in, transposed(dataMatrix))
}

// gradWeight writes x (B, I, H, W), dy (B, O, H, W) -> (O, I, 3, 3).
func (c winograd) gradWeight(b *onnxir.Builder, x, dy, output string) {
	points := int64(tileInputs * tileInputs)
	middle := transposedMatMul(b, c.gradient(b, dy), c.data(b, x)) // (36, O, I)
	flat := b.Temp("Reshape", []string{middle, b.Int64s(points, c.out*c.in)})
	taps := fusedMatMul(b, flat, b.Floats(kernelMatrix(), points, 9), onnxir.Int("transA", 1)) // (O*I, 9)
	b.Node("Reshape", output, []string{taps, b.Int64s(c.out, c.in, 3, 3)})
}

// kernel transforms w (O, I, 3, 3) -> (36, O, I).
func (c winograd) kernel(b *onnxir.Builder, w string) string {
	return b.Shared("winograd kernel "+w, func() string {
		points := int64(tileInputs * tileInputs)
		flat := b.Temp("Reshape", []string{w, b.Int64s(c.out*c.in, 9)})
		transformed := transposedMatMul(b, b.Floats(kernelMatrix(), points, 9), flat)
		return b.Temp("Reshape", []string{transformed, b.Int64s(points, c.out, c.in)})
	})
}

// data transforms x (B, I, H, W) -> (36, I, tiles).
func (c winograd) data(b *onnxir.Builder, x string) string {
	return b.Shared("winograd data "+x, func() string { return c.enter(b, x, c.in, dataMatrix) })
}

// gradient transforms dy (B, O, H, W) -> (36, O, tiles).
func (c winograd) gradient(b *onnxir.Builder, dy string) string {
	return b.Shared("winograd gradient "+dy, func() string { return c.enter(b, dy, c.out, transposed(resultMatrix)) })
}

// lineMatrix makes the transform of a line of n pixels as a matrix by rows.
type lineMatrix func(n int64) (m []float32, rows, columns int64)

// dataMatrix is B^T for all tiles of a line, (6 n/4, n), point by point: row s*(n/4) + tile. Pixels beyond the ends are 0.
func dataMatrix(n int64) ([]float32, int64, int64) {
	tiles := n / tileOutputs
	m := make([]float32, tileInputs*tiles*n)
	for s, row := range winogradData {
		for tile := range tiles {
			for j, v := range row {
				if pixel := tile*tileOutputs + int64(j) - 1; pixel >= 0 && pixel < n {
					m[(int64(s)*tiles+tile)*n+pixel] = v
				}
			}
		}
	}
	return m, tileInputs * tiles, n
}

// resultMatrix is A^T for all tiles of a line, (n, 6 n/4).
func resultMatrix(n int64) ([]float32, int64, int64) {
	tiles := n / tileOutputs
	points := tileInputs * tiles
	m := make([]float32, n*points)
	for j, row := range winogradResult {
		for tile := range tiles {
			for s, v := range row {
				m[(tile*tileOutputs+int64(j))*points+int64(s)*tiles+tile] = v
			}
		}
	}
	return m, n, points
}

// kernelMatrix is G along both axes, (36, 9).
func kernelMatrix() []float32 {
	m := make([]float32, 0, tileInputs*tileInputs*9)
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

func transposed(of lineMatrix) lineMatrix {
	return func(n int64) ([]float32, int64, int64) {
		m, rows, columns := of(n)
		t := make([]float32, len(m))
		for r := range rows {
			for c := range columns {
				t[c*rows+r] = m[r*columns+c]
			}
		}
		return t, columns, rows
	}
}

func constantMatrix(b *onnxir.Builder, of lineMatrix, n int64) string {
	m, rows, columns := of(n)
	return b.Floats(m, rows, columns)
}

// enter takes images into the transformed domain: (B, C, H, W) -> (36, C, B * tiles). The matrix makes points of pixels.
func (c winograd) enter(b *onnxir.Builder, x string, channels int64, points lineMatrix) string {
	rows, columns := c.tiles()
	x = b.Temp("MatMul", []string{x, constantMatrix(b, transposed(points), c.width)})
	x = b.Temp("MatMul", []string{constantMatrix(b, points, c.height), x})
	x = b.Temp("Reshape", []string{x, b.Int64s(c.images, channels, tileInputs, rows, tileInputs, columns)})
	x = b.Temp("Transpose", []string{x}, onnxir.Ints("perm", 2, 4, 1, 0, 3, 5))
	return b.Temp("Reshape", []string{x, b.Int64s(tileInputs*tileInputs, channels, c.images*rows*columns)})
}

// leave brings images back: (36, C, B * tiles) -> (B, C, H, W), as output, or as a temporary if that is empty. The matrix
// makes pixels of points.
func (c winograd) leave(b *onnxir.Builder, output, x string, channels int64, pixels lineMatrix) string {
	rows, columns := c.tiles()
	x = b.Temp("Reshape", []string{x, b.Int64s(tileInputs, tileInputs, channels, c.images, rows, columns)})
	x = b.Temp("Transpose", []string{x}, onnxir.Ints("perm", 3, 2, 0, 4, 1, 5))
	x = b.Temp("Reshape", []string{x, b.Int64s(c.images, channels, tileInputs*rows, tileInputs*columns)})
	x = b.Temp("MatMul", []string{constantMatrix(b, pixels, c.height), x})
	if output == "" {
		output = b.TempName("MatMul")
	}
	b.Node("MatMul", output, []string{x, constantMatrix(b, transposed(pixels), c.width)})
	return output
}
