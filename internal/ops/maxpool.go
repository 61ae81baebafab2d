package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/ndarray"
	"ptyx/internal/onnxir"
)

type maxPoolOp struct{}

// MaxPool takes the largest of each 2 x 2 square: (B, C, H, W) -> (B, C, H/2, W/2), H and W even.
func MaxPool(x *Node) (*Node, error) { return apply(maxPoolOp{}, x) }

func (maxPoolOp) Label() string { return "MaxPool" }

func (maxPoolOp) Shape(in []tensor.Shape) (tensor.Shape, error) { return halved(in[0]) }

func halved(s tensor.Shape) (tensor.Shape, error) {
	if len(s) != 4 || s[2]%2 != 0 || s[3]%2 != 0 {
		return nil, fmt.Errorf("needs (B, C, H, W) with even H and W")
	}
	return tensor.Shape{s[0], s[1], s[2] / 2, s[3] / 2}, nil
}

func (maxPoolOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	x := in[0].Data
	eachSquare(out.Shape, func(i int, square [4]int) {
		out.Data[i] = max(x[square[0]], x[square[1]], x[square[2]], x[square[3]])
	})
}

func (maxPoolOp) Differentiate(in []*Node, out, grad *Node) ([]*Node, error) {
	return one(apply(maxPoolGradOp{}, in[0], out, grad))
}

func (maxPoolOp) Lower(b *onnxir.Builder, c Call) {
	b.Node("MaxPool", c.Out[0], c.In, poolAttributes()...)
}

func poolAttributes() []onnxir.Attribute {
	return []onnxir.Attribute{
		onnxir.Ints("kernel_shape", 2, 2), onnxir.Ints("pads", 0, 0, 0, 0), onnxir.Ints("strides", 2, 2),
	}
}

// maxPoolGradOp is the gradient of MaxPool: x (B, C, H, W), y and dy (B, C, H/2, W/2) -> (B, C, H, W). Where several
// pixels of a square share the maximum (dark corners of a pattern do), each gets an equal part, so that the gradient of a
// bias, which moves them together, is exact.
type maxPoolGradOp struct{ noGradient }

func (maxPoolGradOp) Label() string { return "MaxPoolGrad" }

func (maxPoolGradOp) Shape(in []tensor.Shape) (tensor.Shape, error) { return in[0], nil }

func (maxPoolGradOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	x, y, dy := in[0].Data, in[1].Data, in[2].Data
	eachSquare(in[1].Shape, func(i int, square [4]int) {
		count := float32(0)
		for _, j := range square {
			if x[j] == y[i] {
				count++
			}
		}
		for _, j := range square {
			if x[j] == y[i] {
				out.Data[j] = dy[i] / count
			}
		}
	})
}

// Lower masks the enlarged dy with x == enlarged y. x - y is never positive, so its sign plus one is the mask, as floats;
// its mean over a square is a quarter of the number of maxima.
func (maxPoolGradOp) Lower(b *onnxir.Builder, c Call) {
	below := b.Temp("Sub", []string{c.In[0], upsampled(b, c.In[1])})
	mask := b.Temp("Add", []string{b.Temp("Sign", []string{below}), b.Scalar(1)})
	quarter := b.Temp("AveragePool", []string{mask}, poolAttributes()...)
	share := b.Temp("Div", []string{c.In[2], b.Temp("Mul", []string{quarter, b.Scalar(4)})})
	b.Node("Mul", c.Out[0], []string{mask, upsampled(b, share)})
}

// eachSquare visits the 2 x 2 squares of an image stack by the shape of its halved version.
func eachSquare(half []int, visit func(i int, square [4]int)) {
	w := half[3]
	for i := range ndarray.Size(half) {
		row, col := i/w, i%w // row counts through all planes
		top := row*2*(2*w) + 2*col
		visit(i, [4]int{top, top + 1, top + 2*w, top + 2*w + 1})
	}
}
