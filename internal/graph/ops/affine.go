package ops

import (
	"fmt"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type affineOp struct {
	sameShape
	scale, offset float32
}

// Affine is scale*x + offset with constant scale and offset.
func Affine(x *Node, scale, offset float32) *Node {
	return apply(fmt.Sprintf("Affine{%g %g}", scale, offset), affineOp{scale: scale, offset: offset}, x)
}

func (a affineOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	for i, v := range in[0].Data {
		out.Data[i] = a.scale*v + a.offset
	}
}

func (a affineOp) Differentiate(_ []*Node, _, grad *Node) []*Node {
	return []*Node{Affine(grad, a.scale, 0)}
}

func (a affineOp) Lower(b *onnxir.Builder, c Call) {
	switch {
	case a.offset == 0:
		b.Node("Mul", c.Out, []string{c.In[0], b.Scalar(a.scale)})
	case a.scale == 1:
		b.Node("Add", c.Out, []string{c.In[0], b.Scalar(a.offset)})
	case a.scale == -1:
		b.Node("Sub", c.Out, []string{b.Scalar(a.offset), c.In[0]})
	default:
		scaled := b.Temp("Mul", []string{c.In[0], b.Scalar(a.scale)})
		b.ShapedLike(scaled, c.In[0]) // viewers show the shape of every value
		b.Node("Add", c.Out, []string{scaled, b.Scalar(a.offset)})
	}
}
