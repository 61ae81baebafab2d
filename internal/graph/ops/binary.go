package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// binary is an elementwise function of two arrays, with NumPy's broadcasting, and one ONNX node.
type binary struct {
	name string // ONNX operator
	f    func(a, b float32) float32
	// slopes are the gradients by a and b, of y = f(a, b), in y's shape, given the gradient dy by y.
	slopes func(a, b, y, dy *Node) (da, db *Node)
}

func (p binary) Shape(in []tensor.Shape) (tensor.Shape, error) { return broadcastShape(in[0], in[1]) }

func (p binary) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	ia, ib := broadcastIndex(in[0].Shape, out.Shape), broadcastIndex(in[1].Shape, out.Shape)
	for i := range out.Data {
		out.Data[i] = p.f(in[0].Data[ia(i)], in[1].Data[ib(i)])
	}
}

func (p binary) Differentiate(in []*Node, out, grad *Node) []*Node {
	da, db := p.slopes(in[0], in[1], out, grad)
	return unbroadcast(in, da, db)
}

func (p binary) Lower(b *onnxir.Builder, c Call) { b.Node(p.name, c.Out, c.In) }

func combine(a, b *Node, name string, f func(a, b float32) float32,
	slopes func(a, b, y, dy *Node) (da, db *Node)) *Node {
	return apply(name, binary{name, f, slopes}, a, b)
}

// Add is a + b.
func Add(a, b *Node) *Node {
	slopes := func(_, _, _, dy *Node) (da, db *Node) { return dy, dy }
	return combine(a, b, "Add", func(a, b float32) float32 { return a + b }, slopes)
}

// Sub is a - b.
func Sub(a, b *Node) *Node {
	slopes := func(_, _, _, dy *Node) (da, db *Node) { return dy, Affine(dy, -1, 0) }
	return combine(a, b, "Sub", func(a, b float32) float32 { return a - b }, slopes)
}

// Mul is a * b.
func Mul(a, b *Node) *Node {
	slopes := func(a, b, _, dy *Node) (da, db *Node) { return Mul(dy, b), Mul(dy, a) }
	return combine(a, b, "Mul", func(a, b float32) float32 { return a * b }, slopes)
}

// Div is a / b.
func Div(a, b *Node) *Node {
	slopes := func(_, b, y, dy *Node) (da, db *Node) {
		da = Div(dy, b)
		return da, Affine(Mul(da, y), -1, 0) // d(a/b)/db = -(a/b)/b
	}
	return combine(a, b, "Div", func(a, b float32) float32 { return a / b }, slopes)
}

// unbroadcast sums each gradient back to its input's shape.
func unbroadcast(in []*Node, grads ...*Node) []*Node {
	for i, g := range grads {
		grads[i] = SumTo(g, in[i].Shape())
	}
	return grads
}

// broadcastShape is NumPy's rule: shapes are aligned at the right, and a dimension of 1 stretches.
func broadcastShape(a, b tensor.Shape) (tensor.Shape, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := a.Clone()
	for i := range b {
		j := len(a) - len(b) + i
		switch {
		case a[j] == b[i] || b[i] == 1:
		case a[j] == 1:
			out[j] = b[i]
		default:
			return nil, fmt.Errorf("dimensions %d and %d do not broadcast", a[j], b[i])
		}
	}
	return out, nil
}

// broadcastIndex maps a linear index of the output to the linear index of an input that is stretched to it.
func broadcastIndex(in, out []int) func(int) int {
	if ndarray.SameShape(in, out) {
		return func(i int) int { return i }
	}
	if ndarray.Size(in) == 1 {
		return func(int) int { return 0 }
	}
	strides := make([]int, len(out))
	for i, stride := len(in)-1, 1; i >= 0; i-- {
		if in[i] != 1 {
			strides[len(out)-len(in)+i] = stride
		}
		stride *= in[i]
	}
	return func(i int) int {
		j := 0
		for d := len(out) - 1; d >= 0; d-- {
			j += i % out[d] * strides[d]
			i /= out[d]
		}
		return j
	}
}
