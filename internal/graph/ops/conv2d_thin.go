package ops

import (
	"gorgonia.org/tensor"

	"ptyx/internal/graph/onnxir"
)

// thinConv lowers the first convolution of a network. Its input has few channels, so the K*K shifted copies are small,
// and one product with them makes all output channels, rows first.
type thinConv struct {
	images, in, out, kernel int
	height, width           int
}

// suitsThin reports whether the convolution of x (B, I, H, W) with w (O, I, K, K) is one: up to gridsize 3 as channels.
func suitsThin(b *onnxir.Builder, x, w tensor.Shape) bool {
	return b.Target().Winograd && w[1] <= 9 && w[0] >= 2*w[1]
}

func newThinConv(x, w tensor.Shape) thinConv {
	return thinConv{images: x[0], in: w[1], out: w[0], kernel: w[2], height: x[2], width: x[3]}
}

// taps is x (B, I, H, W) as (K*K*I, H*W*B): the pixel that each tap of the kernel sees.
func (c thinConv) taps(b *onnxir.Builder, x string) string {
	return b.Shared("taps "+x, func() string {
		b.Need(x)
		half := c.kernel / 2
		padded := b.Temp("Pad", []string{x, b.Int64s(0, 0, half, half, 0, 0, half, half), b.Scalar(0)})
		padded = b.Temp("Transpose", []string{padded}, onnxir.Ints("perm", 1, 2, 3, 0)) // (I, H+, W+, B)
		var shifted []string
		for p := range c.kernel {
			row := sliced(b, padded, 1, p, p+c.height)
			for q := range c.kernel {
				shifted = append(shifted, sliced(b, row, 2, q, q+c.width))
			}
		}
		return reshaped(b, b.Temp("Concat", shifted, onnxir.Int("axis", 0)), c.kernel*c.kernel*c.in,
			c.height*c.width*c.images)
	})
}

// forward is x (B, I, H, W), w (O, I, K, K) -> (H, W, B, O), without bias.
func (c thinConv) forward(b *onnxir.Builder, x, w string) string {
	byTap := b.Temp("Transpose", []string{w}, onnxir.Ints("perm", 2, 3, 1, 0)) // (K, K, I, O)
	byTap = reshaped(b, byTap, c.kernel*c.kernel*c.in, c.out)
	y := fusedMatMul(b, c.taps(b, x), byTap, onnxir.Int("transA", 1)) // (H*W*B, O)
	return reshaped(b, y, c.height, c.width, c.images, c.out)
}

// gradWeight writes x (B, I, H, W), dy (H, W, B, O) -> (O, I, K, K).
func (c thinConv) gradWeight(b *onnxir.Builder, x, dy, output string) {
	flat := reshaped(b, dy, c.height*c.width*c.images, c.out)
	byTap := b.Temp("MatMul", []string{c.taps(b, x), flat}) // (K*K*I, O)
	byTap = reshaped(b, byTap, c.kernel, c.kernel, c.in, c.out)
	b.Node("Transpose", output, []string{byTap}, onnxir.Ints("perm", 3, 2, 0, 1))
}
