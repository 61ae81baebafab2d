package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type upsampleOp struct{ anyLayout }

// Upsample repeats each pixel 2 x 2 times: (B, C, H, W) -> (B, C, 2H, 2W).
func Upsample(x *Node) *Node { return apply("Upsample", upsampleOp{}, x) }

func (upsampleOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	s := in[0]
	if len(s) != 4 {
		return nil, fmt.Errorf("needs (B, C, H, W)")
	}
	return tensor.Shape{s[0], s[1], 2 * s[2], 2 * s[3]}, nil
}

func (upsampleOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	eachSquare(in[0].Shape, func(i int, square [4]int) {
		for _, j := range square {
			out.Data[j] = in[0].Data[i]
		}
	})
}

func (upsampleOp) Differentiate(_ []*Node, _, grad *Node) []*Node {
	return []*Node{apply("SquareSum", squareSumOp{}, grad)}
}

// Lower makes, of an image that is rows first, whichever layout is asked for: the small image is cheaper to convert.
func (upsampleOp) Lower(b *onnxir.Builder, c Call) {
	plain := func() {
		b.Need(c.In[0])
		b.Node("Resize", c.Out, []string{c.In[0], "", b.Floats([]float32{1, 1, 2, 2}, 4)}, resizeAttributes()...)
	}
	if !hasRows(b, c.In[0]) {
		plain()
		return
	}
	b.Defer(c.Out, plain)
	b.Offer(rowsKey(c.Out), func() string {
		return repeatSquares(b, rowsFirst(b, c.In[0], c.InShapes[0]), c.InShapes[0])
	})
}

func resizeAttributes() []onnxir.Attribute {
	return []onnxir.Attribute{
		onnxir.String("coordinate_transformation_mode", "asymmetric"),
		onnxir.String("mode", "nearest"),
		onnxir.String("nearest_mode", "floor"),
	}
}

// upsampled is Upsample inside another operator's lowering.
func upsampled(b *onnxir.Builder, x string) string {
	return b.Temp("Resize", []string{x, "", b.Floats([]float32{1, 1, 2, 2}, 4)}, resizeAttributes()...)
}

// squareSumOp sums each 2 x 2 square: (B, C, H, W) -> (B, C, H/2, W/2), the gradient of Upsample.
type squareSumOp struct {
	noGradient
	anyLayout
}

func (squareSumOp) Shape(in []tensor.Shape) (tensor.Shape, error) { return halved(in[0]) }

func (squareSumOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	eachSquare(out.Shape, func(i int, square [4]int) {
		for _, j := range square {
			out.Data[i] += in[0].Data[j]
		}
	})
}

func (squareSumOp) Lower(b *onnxir.Builder, c Call) {
	if hasRows(b, c.In[0]) {
		fromRows(b, c.Out, c.OutShape,
			foldSquares(b, rowsFirst(b, c.In[0], c.InShapes[0]), c.InShapes[0], "Add"))
		return
	}
	b.Need(c.In[0])
	b.Node("Mul", c.Out, []string{b.Temp("AveragePool", c.In, poolAttributes()...), b.Scalar(4)})
}
