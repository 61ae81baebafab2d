package ops

import (
	"fmt"

	"gonum.org/v1/gonum/blas"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type conv2DOp struct{ anyLayout }

// Conv2D is the cross-correlation that networks call convolution, stride 1, zero-padded to keep the size:
// x (B, I, H, W), w (O, I, K, K) with odd K, bias (O) -> (B, O, H, W),
// y[b,o,r,c] = bias[o] + sum_{i,p,q} w[o,i,p,q] x[b,i,r+p-K/2,c+q-K/2].
func Conv2D(x, w, bias *Node) *Node { return apply("Conv2D", conv2DOp{}, x, w, bias) }

func (conv2DOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	x, w, bias := in[0], in[1], in[2]
	switch {
	case len(x) != 4 || len(w) != 4 || len(bias) != 1:
		return nil, fmt.Errorf("needs (B, I, H, W), (O, I, K, K) and (O)")
	case w[2] != w[3] || w[2]%2 == 0:
		return nil, fmt.Errorf("needs a square kernel of odd size")
	case x[1] != w[1]:
		return nil, fmt.Errorf("input has %d channels, kernel expects %d", x[1], w[1])
	case bias[0] != w[0]:
		return nil, fmt.Errorf("%d biases for %d filters", bias[0], w[0])
	}
	return tensor.Shape{x[0], w[0], x[2], x[3]}, nil
}

func (conv2DOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	x, w, bias := in[0], in[1], in[2]
	g := newConvGeometry(x.Shape, w.Shape)
	cols := make([]float32, g.colRows()*g.pixels())
	for b := range g.batch {
		g.unfold(x.Data[b*g.in*g.pixels():], cols)
		y := out.Data[b*g.out*g.pixels() : (b+1)*g.out*g.pixels()]
		for i := range y {
			y[i] = bias.Data[i/g.pixels()]
		}
		gemm(blas.NoTrans, blas.NoTrans, g.out, g.pixels(), g.colRows(), w.Data, cols, 1, y)
	}
}

func (conv2DOp) Differentiate(in []*Node, _, grad *Node) []*Node {
	kernel := in[1].Shape()[2]
	return []*Node{
		apply("Conv2DGradInput", conv2DGradInputOp{}, grad, in[1]),
		apply(fmt.Sprintf("Conv2DGradWeight{%d}", kernel), conv2DGradWeightOp{kernel: kernel}, in[0], grad),
		apply("ChannelSum", channelSumOp{}, grad),
	}
}

func (conv2DOp) Lower(b *onnxir.Builder, c Call) {
	x, w := c.InShapes[0], c.InShapes[1]
	var rows string
	switch {
	case suitsWinograd(b, x, w):
		rows = newWinograd(x, w).forward(b, rowsFirst(b, c.In[0], x), c.In[1])
	case suitsThin(b, x, w):
		rows = newThinConv(x, w).forward(b, c.In[0], c.In[1])
	default:
		needAll(b, c.In)
		b.Node("Conv", c.Out, c.In, convAttributes(w[2])...)
		return
	}
	fromRows(b, c.Out, c.OutShape, b.Temp("Add", []string{rows, c.In[2]}))
}

// convAttributes are those of a size-keeping convolution with a k x k kernel.
func convAttributes(k int) []onnxir.Attribute {
	p := k / 2
	return []onnxir.Attribute{
		onnxir.Ints("dilations", 1, 1),
		onnxir.Int("group", 1),
		onnxir.Ints("kernel_shape", k, k),
		onnxir.Ints("pads", p, p, p, p),
		onnxir.Ints("strides", 1, 1),
	}
}

// convGeometry holds the sizes of one convolution for the reference evaluations.
type convGeometry struct{ batch, in, out, h, w, k int }

func newConvGeometry(x, w []int) convGeometry {
	return convGeometry{batch: x[0], in: x[1], out: w[0], h: x[2], w: x[3], k: w[2]}
}

func (g convGeometry) pixels() int  { return g.h * g.w }
func (g convGeometry) colRows() int { return g.in * g.k * g.k }

// unfold writes the im2col matrix of one image: x (I, H, W) -> cols (I*K*K, H*W), zero where the kernel hangs over.
func (g convGeometry) unfold(x, cols []float32) {
	g.visit(func(col, pixel int) { cols[col] = x[pixel] }, func(col int) { cols[col] = 0 })
}

// fold is the transpose of unfold: it adds every entry of cols to the pixel that it came from.
func (g convGeometry) fold(cols, x []float32) {
	g.visit(func(col, pixel int) { x[pixel] += cols[col] }, func(int) {})
}

func (g convGeometry) visit(inside func(col, pixel int), outside func(col int)) {
	col, half := 0, g.k/2
	for i := range g.in {
		for p := -half; p <= half; p++ {
			for q := -half; q <= half; q++ {
				for r := range g.h {
					for c := range g.w {
						if rr, cc := r+p, c+q; rr >= 0 && rr < g.h && cc >= 0 && cc < g.w {
							inside(col, (i*g.h+rr)*g.w+cc)
						} else {
							outside(col)
						}
						col++
					}
				}
			}
		}
	}
}
