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
	kernel int
}

func (conv2DGradWeightOp) Constant(int) bool { return true }

func (conv2DGradWeightOp) Differentiate(in []*Node, out, grad *Node) ([]*Node, error) {
	return noGradient{}.Differentiate(in, out, grad)
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

// Lower multiplies dy with the K*K shifted copies of x. Both are laid out with the row stride of the padded image, so
// that a shift by (p, q) is one contiguous range of the flattened pixels: a slice is a plain copy, not a gather of rows.
// The padding columns of dy are zero, so what the shifted rows wrap into does not count.
func (o conv2DGradWeightOp) Lower(b *onnxir.Builder, c Call) {
	x, dy := c.InShapes[0], c.InShapes[1]
	batch, in, h, w := int64(x[0]), int64(x[1]), int64(x[2]), int64(x[3])
	out, k := int64(dy[1]), int64(o.kernel)
	half, stride := k/2, w+k-1
	length := h * stride

	// x: half columns left and right, half rows above, half+1 below (the last shift runs over the end by k-1 pixels).
	padded := b.Temp("Pad", []string{c.In[0], b.Int64s(0, 0, half, half, 0, 0, half+1, half), b.Scalar(0)})
	flat := b.Temp("Reshape", []string{padded, b.Int64s(batch, in, (h+k)*stride)})
	wide := b.Temp("Pad", []string{c.In[1], b.Int64s(0, 0, 0, 0, 0, 0, 0, k-1), b.Scalar(0)})
	flatDy := b.Temp("Reshape", []string{wide, b.Int64s(batch, out, length)})

	taps := make([]string, 0, k*k)
	for p := range k {
		for q := range k {
			start := p*stride + q
			taps = append(taps, b.Temp("Slice", []string{flat, b.Int64s(start), b.Int64s(start + length), b.Int64s(2)}))
		}
	}
	cols := b.Temp("Concat", taps, onnxir.Int("axis", 1)) // (B, K*K*I, L)
	product := transposedMatMul(b, flatDy, cols)          // (B, O, K*K*I)
	sum := b.Temp("ReduceSum", []string{product, b.Int64s(0)}, onnxir.Int("keepdims", 0))
	byTap := b.Temp("Reshape", []string{sum, b.Int64s(out, k*k, in)})
	byInput := b.Temp("Transpose", []string{byTap}, onnxir.Ints("perm", 0, 2, 1))
	b.Node("Reshape", c.Out[0], []string{byInput, b.Int64s(out, in, k, k)})
}

// transposedMatMul is a b^T over the last two dimensions.
func transposedMatMul(b *onnxir.Builder, a, bT string) string {
	if b.Target().Training {
		name := b.TempName("FusedMatMul")
		b.NodeIn("com.microsoft", "FusedMatMul", []string{name}, []string{a, bT}, onnxir.Int("transB", 1))
		return name
	}
	return b.Temp("MatMul", []string{a, b.Temp("Transpose", []string{bT}, onnxir.Ints("perm", 0, 2, 1))})
}
