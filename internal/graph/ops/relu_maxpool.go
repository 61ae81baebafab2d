package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type reluMaxPoolOp struct{ anyLayout }

// ReLUMaxPool is ReLU followed by the largest of each 2 x 2 square: (B, C, H, W) -> (B, C, H/2, W/2), H and W even. The
// two commute, so one operator can do them in the order that costs least.
func ReLUMaxPool(x *Node) *Node { return apply("ReLUMaxPool", reluMaxPoolOp{}, x) }

func (reluMaxPoolOp) Shape(in []tensor.Shape) (tensor.Shape, error) { return halved(in[0]) }

func halved(s tensor.Shape) (tensor.Shape, error) {
	if len(s) != 4 || s[2]%2 != 0 || s[3]%2 != 0 {
		return nil, fmt.Errorf("needs (B, C, H, W) with even H and W")
	}
	return tensor.Shape{s[0], s[1], s[2] / 2, s[3] / 2}, nil
}

func (reluMaxPoolOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	x := in[0].Data
	eachSquare(out.Shape, func(i int, square [4]int) {
		out.Data[i] = max(x[square[0]], x[square[1]], x[square[2]], x[square[3]], 0)
	})
}

func (reluMaxPoolOp) Differentiate(in []*Node, out, grad *Node) []*Node {
	return []*Node{apply("ReLUMaxPoolGrad", reluMaxPoolGradOp{}, in[0], out, grad)}
}

// Lower pools first in a training step, where the gradient needs x anyway and ReLU then works on a quarter of the
// pixels; in a checkpoint ReLU comes first, because ONNX Runtime fuses it into the convolution before it.
func (reluMaxPoolOp) Lower(b *onnxir.Builder, c Call) {
	if hasRows(b, c.In[0]) {
		pooled := foldSquares(b, rowsFirst(b, c.In[0], c.InShapes[0]), c.InShapes[0], "Max")
		fromRows(b, c.Out, c.OutShape, b.Temp("Relu", []string{pooled}))
		return
	}
	b.Need(c.In[0])
	if b.Target().Training {
		b.Node("Relu", c.Out, []string{b.Temp("MaxPool", c.In, poolAttributes()...)})
		return
	}
	relu := b.Temp("Relu", c.In)
	b.ShapedLike(relu, c.In[0])
	b.Node("MaxPool", c.Out, []string{relu}, poolAttributes()...)
}

func poolAttributes() []onnxir.Attribute {
	return []onnxir.Attribute{
		onnxir.Ints("kernel_shape", 2, 2), onnxir.Ints("pads", 0, 0, 0, 0), onnxir.Ints("strides", 2, 2),
	}
}

// reluMaxPoolGradOp is the gradient of ReLUMaxPool: x (B, C, H, W), y and dy (B, C, H/2, W/2) -> (B, C, H, W). It is 0
// where y is 0. Where several pixels of a square share the maximum (dark corners of a pattern do), each gets an equal
// part, so that the gradient of a bias, which moves them together, is exact.
type reluMaxPoolGradOp struct {
	noGradient
	sameShape
	anyLayout
}

func (reluMaxPoolGradOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	x, y, dy := in[0].Data, in[1].Data, in[2].Data
	eachSquare(in[1].Shape, func(i int, square [4]int) {
		if y[i] <= 0 {
			return
		}
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

// Lower masks the enlarged dy with x == enlarged y. The mean of the mask over a square is a quarter of the number of
// maxima; where y is 0 no x may reach it, so the mean is kept from being 0 before the division.
func (reluMaxPoolGradOp) Lower(b *onnxir.Builder, c Call) {
	if hasRows(b, c.In[0]) && hasRows(b, c.In[1]) {
		lowerRowsMaxPoolGrad(b, c)
		return
	}
	needAll(b, c.In)
	same := b.Temp("Equal", []string{c.In[0], upsampled(b, c.In[1])})
	mask := b.Temp("Cast", []string{same}, onnxir.Int("to", int(onnxir.Float)))
	mean := b.Temp("AveragePool", []string{mask}, poolAttributes()...)
	count := b.Temp("Max", []string{b.Temp("Mul", []string{mean, b.Scalar(4)}), b.Scalar(1)})
	active := b.Temp("Mul", []string{c.In[2], active(b, c.In[1])})
	share := b.Temp("Div", []string{active, count})
	b.Node("Mul", c.Out, []string{mask, upsampled(b, share)})
}

// lowerRowsMaxPoolGrad is the same rows first, where y and dy spread over the squares by broadcasting.
func lowerRowsMaxPoolGrad(b *onnxir.Builder, c Call) {
	s := c.InShapes[0]
	channels, rows, columns := s[0]*s[1], s[2]/2, s[3]/2
	square := func(x string) string { return reshaped(b, x, rows, 2, columns, 2, channels) }
	centre := func(x string) string { return reshaped(b, x, rows, 1, columns, 1, channels) }
	x, y, dy := rowsFirst(b, c.In[0], s), rowsFirst(b, c.In[1], c.InShapes[1]), rowsFirst(b, c.In[2], c.InShapes[2])
	same := b.Temp("Equal", []string{square(x), centre(y)})
	mask := b.Temp("Cast", []string{same}, onnxir.Int("to", int(onnxir.Float)))
	count := b.Temp("Max", []string{foldSquares(b, mask, s, "Add"), b.Scalar(1)}) // where y is 0 no x may reach it
	share := b.Temp("Div", []string{b.Temp("Mul", []string{dy, active(b, y)}), count})
	dx := b.Temp("Mul", []string{mask, centre(share)})
	fromRows(b, c.Out, s, reshaped(b, dx, s[2], s[3], s[0], s[1]))
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
