package ops

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gorgonia.org/tensor"

	"ptyx/internal/ndarray"
	"ptyx/internal/onnxir"
)

// conv2DGradWeightOp is the gradient of Conv2D with respect to w: x (B, I, H, W), dy (B, O, H, W) -> (O, I, K, K).
type conv2DGradWeightOp struct {
	noGradient
	kernel int
}

func (o conv2DGradWeightOp) Label() string { return fmt.Sprintf("Conv2DGradWeight{%d}", o.kernel) }

func (o conv2DGradWeightOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	return tensor.Shape{in[1][1], in[0][1], o.kernel, o.kernel}, nil
}

func (o conv2DGradWeightOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	x, dy := in[0], in[1]
	g := newConvGeometry(x.Shape, out.Shape)
	cols := make([]float32, g.colRows()*g.pixels())
	for b := range g.batch {
		g.unfold(x.Data[b*g.in*g.pixels():], cols)
		gemm(blas.NoTrans, blas.Trans, g.out, g.colRows(), g.pixels(),
			dy.Data[b*g.out*g.pixels():], cols, 1, out.Data)
	}
}

// Lower separates the shift of a tap (p, q): x is shifted by the K columns q, dy by the K rows p, and one matrix product of
// the two stacks gives every combination, dw[o,i,p,q] = sum_{b,u,c} x[b,i,u-K/2,c+q-K/2] dy[b,o,u-p,c], u running over the
// H + K - 1 rows that either touches. That needs 2K shifted copies where the textbook's im2col has K*K.
func (o conv2DGradWeightOp) Lower(b *onnxir.Builder, c Call) {
	x, dy, k := c.InShapes[0], c.InShapes[1], int64(o.kernel)
	in, out := int64(x[1]), int64(dy[1])
	m := stacks{images: int64(x[0]), length: (int64(x[2]) + k - 1) * int64(x[3]), fold: x[2]*x[3] <= foldedPixels}
	half := k / 2
	columns := m.stack(b, c.In[0], k*in, k, func(q int64) []int64 { return []int64{0, 0, half, half - q, 0, 0, half, q - half} })
	rows := m.stack(b, c.In[1], k*out, k, func(p int64) []int64 { return []int64{0, 0, p, 0, 0, 0, k - 1 - p, 0} })
	product := transposedMatMul(b, columns, rows)
	if !m.fold {
		product = b.Temp("ReduceSum", []string{product, b.Int64s(0)}, onnxir.Int("keepdims", 0))
	}
	apart := b.Temp("Reshape", []string{product, b.Int64s(k, in, k, out)})
	b.Node("Transpose", c.Out[0], []string{apart}, onnxir.Ints("perm", 3, 1, 2, 0))
}

// foldedPixels is the largest image whose batch is folded into the sum of one matrix product; for larger ones a product
// per image, summed, was faster (measured on images of 8 x 8 to 64 x 64).
const foldedPixels = 32 * 32

// stacks are the shifted copies of image stacks (B, C, H, W) as matrices whose columns are pixels: (K*C, B*L) with the
// batch folded in, else (B, K*C, L).
type stacks struct {
	images, length int64
	fold           bool
}

// stack shifts x by k different paddings, negative ones cropping, and stacks the results by channel.
func (m stacks) stack(b *onnxir.Builder, x string, channels, k int64, pads func(shift int64) []int64) string {
	axis, shape := int64(1), []int64{m.images, channels, m.length}
	if m.fold {
		axis, shape = 0, []int64{channels, m.images * m.length}
		x = b.Temp("Transpose", []string{x}, onnxir.Ints("perm", 1, 0, 2, 3))
	}
	copies := make([]string, k)
	for shift := range k {
		copies[shift] = b.Temp("Pad", []string{x, b.Int64s(pads(shift)...), b.Scalar(0)})
	}
	stacked := b.Temp("Concat", copies, onnxir.Int("axis", axis))
	return b.Temp("Reshape", []string{stacked, b.Int64s(shape...)})
}

// transposedMatMul is a b^T over the last two dimensions.
func transposedMatMul(b *onnxir.Builder, a, bT string) string {
	name := b.TempName("FusedMatMul")
	b.NodeIn("com.microsoft", "FusedMatMul", []string{name}, []string{a, bT}, onnxir.Int("transB", 1))
	return name
}
