package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type sumToOp struct{ to tensor.Shape }

// SumTo sums x over the dimensions that broadcasting stretched, so that the result has the given shape: the gradient of
// broadcasting. With the empty shape it is the sum of all elements.
func SumTo(x *Node, to tensor.Shape) *Node {
	if ndarray.SameShape(x.Shape(), to) {
		return x
	}
	return apply(fmt.Sprintf("SumTo%v", []int(to)), sumToOp{to.Clone()}, x)
}

// Sum is the sum of all elements, a scalar.
func Sum(x *Node) *Node { return SumTo(x, tensor.Shape{}) }

func (s sumToOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	full, err := broadcastShape(s.to, in[0])
	if err != nil || !ndarray.SameShape(full, in[0]) {
		return nil, fmt.Errorf("cannot be summed to shape %v", []int(s.to))
	}
	return s.to, nil
}

func (s sumToOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	index := broadcastIndex(out.Shape, in[0].Shape)
	sums := make([]float64, len(out.Data)) // float64: a sum over a batch of images has 1e5 terms
	for i, v := range in[0].Data {
		sums[index(i)] += float64(v)
	}
	for i, v := range sums {
		out.Data[i] = float32(v)
	}
}

func (s sumToOp) Differentiate(in []*Node, _, grad *Node) []*Node {
	return []*Node{BroadcastTo(grad, in[0].Shape())}
}

func (s sumToOp) Lower(b *onnxir.Builder, c Call) {
	in := c.InShapes[0]
	lead := len(in) - len(s.to)
	var axes []int
	stretched := false // some summed axis stays as a 1
	for i := range in {
		if i < lead {
			axes = append(axes, i)
		} else if s.to[i-lead] == 1 && in[i] != 1 {
			axes, stretched = append(axes, i), true
		}
	}
	if !stretched || lead == 0 {
		keep := 0
		if stretched {
			keep = 1
		}
		b.Node("ReduceSum", c.Out, []string{c.In[0], b.Int64s(axes...)}, onnxir.Int("keepdims", keep))
		return
	}
	kept := b.Temp("ReduceSum", []string{c.In[0], b.Int64s(axes...)}, onnxir.Int("keepdims", 1))
	b.Node("Reshape", c.Out, []string{kept, b.Shape(s.to...)})
}

type broadcastToOp struct{ to tensor.Shape }

// BroadcastTo stretches x to a larger shape: the gradient of a sum.
func BroadcastTo(x *Node, to tensor.Shape) *Node {
	return apply(fmt.Sprintf("BroadcastTo%v", []int(to)), broadcastToOp{to.Clone()}, x)
}

func (s broadcastToOp) Shape(in []tensor.Shape) (tensor.Shape, error) {
	full, err := broadcastShape(s.to, in[0])
	if err != nil || !ndarray.SameShape(full, s.to) {
		return nil, fmt.Errorf("cannot be broadcast to shape %v", []int(s.to))
	}
	return s.to, nil
}

func (s broadcastToOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	index := broadcastIndex(in[0].Shape, out.Shape)
	for i := range out.Data {
		out.Data[i] = in[0].Data[index(i)]
	}
}

func (s broadcastToOp) Differentiate(in []*Node, _, grad *Node) []*Node {
	return []*Node{SumTo(grad, in[0].Shape())}
}

func (s broadcastToOp) Lower(b *onnxir.Builder, c Call) {
	b.Node("Expand", c.Out, []string{c.In[0], b.Int64s(s.to...)})
}
