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

// Lower multiplies one image stack with the K*K shifted copies of the other. The copies are made of the one with fewer
// channels: a shift of x by (p, q) against dy is a shift of dy by (-p, -q) against x.
func (o conv2DGradWeightOp) Lower(b *onnxir.Builder, c Call) {
	in, out, taps := int64(c.InShapes[0][1]), int64(c.InShapes[1][1]), int64(o.kernel*o.kernel)
	if out >= in {
		sum := o.correlate(b, c.In[0], c.In[1], c.InShapes[0], c.InShapes[1]) // (K*K*I, O)
		byTap := b.Temp("Reshape", []string{sum, b.Int64s(taps, in, out)})
		o.finish(b, c, b.Temp("Transpose", []string{byTap}, onnxir.Ints("perm", 2, 1, 0)))
		return
	}
	sum := o.correlate(b, c.In[1], c.In[0], c.InShapes[1], c.InShapes[0]) // (K*K*O, I), taps reversed
	byTap := b.Temp("Reshape", []string{sum, b.Int64s(taps, out, in)})
	ordered := b.Temp("Gather", []string{byTap, b.Int64s(reversedTaps(taps)...)}, onnxir.Int("axis", 0))
	o.finish(b, c, b.Temp("Transpose", []string{ordered}, onnxir.Ints("perm", 1, 2, 0)))
}

func (o conv2DGradWeightOp) finish(b *onnxir.Builder, c Call, filters string) {
	b.Node("Reshape", c.Out[0], []string{filters, b.Int64s(dims(c.OutShapes[0])...)})
}

func reversedTaps(taps int64) []int64 {
	list := make([]int64, taps)
	for t := range list {
		list[t] = taps - 1 - int64(t)
	}
	return list
}

// correlate is sum_b shifted(moving) still^T: (K*K*M, S) for moving (B, M, H, W) and still (B, S, H, W). Both are laid out
// with the row stride of the padded image, so that a shift is one contiguous range of the flattened pixels: a slice is a
// plain copy, not a gather of rows. The padding columns of still are zero, so what the shifted rows wrap into does not
// count. The product reads the large factor in place and packs only the small one.
func (o conv2DGradWeightOp) correlate(b *onnxir.Builder, moving, still string, m, s tensor.Shape) string {
	batch, h, w, k := int64(m[0]), int64(m[2]), int64(m[3]), int64(o.kernel)
	half, stride := k/2, w+k-1
	length := h * stride

	// half columns left and right, half rows above, one row more below: the last shift runs over the end by k-1 pixels.
	padded := b.Temp("Pad", []string{moving, b.Int64s(0, 0, half, half, 0, 0, half+1, half), b.Scalar(0)})
	flat := b.Temp("Reshape", []string{padded, b.Int64s(batch, int64(m[1]), (h+k)*stride)})
	wide := b.Temp("Pad", []string{still, b.Int64s(0, 0, 0, 0, 0, 0, 0, k-1), b.Scalar(0)})
	flatStill := b.Temp("Reshape", []string{wide, b.Int64s(batch, int64(s[1]), length)})

	shifted := make([]string, 0, k*k)
	for p := range k {
		for q := range k {
			start := p*stride + q
			shifted = append(shifted, b.Temp("Slice", []string{flat, b.Int64s(start), b.Int64s(start + length), b.Int64s(2)}))
		}
	}
	cols := shifted[0]
	if len(shifted) > 1 {
		cols = b.Temp("Concat", shifted, onnxir.Int("axis", 1)) // (B, K*K*M, L)
	}
	product := transposedMatMul(b, cols, flatStill) // (B, K*K*M, S)
	return b.Temp("ReduceSum", []string{product, b.Int64s(0)}, onnxir.Int("keepdims", 0))
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
