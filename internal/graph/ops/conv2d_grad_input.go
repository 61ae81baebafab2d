package ops

import (
	"gonum.org/v1/gonum/blas"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// conv2DGradInputOp is the gradient of Conv2D with respect to x: dy (B, O, H, W), w (O, I, K, K) -> (B, I, H, W). It is
// the convolution of dy with the kernel turned by 180 degrees and its channels exchanged.
type conv2DGradInputOp struct {
	noGradient
	anyLayout
}

func (conv2DGradInputOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	dy, w := in[0], in[1]
	return tensor.Shape{dy[0], w[1], dy[2], dy[3]}, nil
}

func (conv2DGradInputOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	dy, w := in[0], in[1]
	g := newConvGeometry(out.Shape, w.Shape)
	cols := make([]float32, g.colRows()*g.pixels())
	for b := range g.batch {
		gemm(blas.Trans, blas.NoTrans, g.colRows(), g.pixels(), g.out,
			w.Data, dy.Data[b*g.out*g.pixels():], 0, cols)
		g.fold(cols, out.Data[b*g.in*g.pixels():])
	}
}

func (conv2DGradInputOp) Lower(b *onnxir.Builder, c Call) {
	if x, w := c.OutShape, c.InShapes[1]; suitsWinograd(b, x, w) {
		fromRows(b, c.Out, x, newWinograd(x, w).gradInput(b, rowsFirst(b, c.In[0], c.InShapes[0]), c.In[1]))
		return
	}
	needAll(b, c.In)
	k := c.InShapes[1][2]
	turned := turnedKernel(b, c.In[1], c.InShapes[1])
	b.Node("Conv", c.Out, []string{c.In[0], turned}, convAttributes(k)...)
}

// turnedKernel writes w (O, I, K, K) -> (I, O, K, K) turned by 180 degrees. Turning reverses the K*K taps, which is a
// product with the exchange matrix: ONNX Runtime multiplies faster than it gathers single elements.
func turnedKernel(b *onnxir.Builder, w string, shape tensor.Shape) string {
	o, i, k := shape[0], shape[1], shape[2]
	swapped := b.Temp("Transpose", []string{w}, onnxir.Ints("perm", 1, 0, 2, 3))
	if k == 1 {
		return swapped
	}
	taps := k * k
	exchange := make([]float32, taps*taps)
	for t := range taps {
		exchange[t*taps+taps-1-t] = 1
	}
	turned := b.Temp("MatMul", []string{reshaped(b, swapped, i*o, taps), b.Floats(exchange, taps, taps)})
	return reshaped(b, turned, i, o, k, k)
}
