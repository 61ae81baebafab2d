package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type reshapeOp struct{ to tensor.Shape }

// Reshape gives x another shape of the same size, elements in row-major order.
func Reshape(x *Node, to ...int) *Node {
	if ndarray.SameShape(x.Shape(), to) {
		return x
	}
	return apply(fmt.Sprintf("Reshape%v", to), reshapeOp{tensor.Shape(to).Clone()}, x)
}

func (r reshapeOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	if ndarray.Size(in[0]) != ndarray.Size(r.to) {
		return nil, fmt.Errorf("sizes differ")
	}
	return r.to, nil
}

func (r reshapeOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) { copy(out.Data, in[0].Data) }

func (r reshapeOp) Differentiate(in []*Node, _, grad *Node) []*Node {
	return []*Node{Reshape(grad, in[0].Shape()...)}
}

func (r reshapeOp) Lower(b *onnxir.Builder, c Call) {
	shape := r.to.Clone()
	if len(shape) > 0 && len(c.InShapes[0]) > 0 && shape[0] == c.InShapes[0][0] {
		shape[0] = 0 // as it is: it may be the symbolic batch
	}
	b.Node("Reshape", c.Out, []string{c.In[0], b.Shape(shape...)})
}
