package ops

import (
	"fmt"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// binary is the common part of elementwise functions of two arrays, with NumPy's broadcasting.
type binary struct {
	name string // ONNX operator
	f    func(a, b float32) float32
}

func (p binary) Label() string { return p.name }

func (p binary) Shape(in []tensor.Shape) (tensor.Shape, error) { return broadcastShape(in[0], in[1]) }

func (p binary) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	ia, ib := broadcastIndex(in[0].Shape, out.Shape), broadcastIndex(in[1].Shape, out.Shape)
	for i := range out.Data {
		out.Data[i] = p.f(in[0].Data[ia(i)], in[1].Data[ib(i)])
	}
}

func (p binary) Lower(b *onnxir.Builder, c Call) { b.Node(p.name, c.Out[0], c.In) }

type addOp struct{ binary }

// Add is a + b.
func Add(a, b *Node) (*Node, error) {
	return apply(addOp{binary{"Add", func(a, b float32) float32 { return a + b }}}, a, b)
}

func (addOp) Differentiate(in []*Node, _, grad *Node) ([]*Node, error) {
	return unbroadcast(in, grad, grad)
}

type subOp struct{ binary }

// Sub is a - b.
func Sub(a, b *Node) (*Node, error) {
	return apply(subOp{binary{"Sub", func(a, b float32) float32 { return a - b }}}, a, b)
}

func (subOp) Differentiate(in []*Node, _, grad *Node) ([]*Node, error) {
	minus, err := Affine(grad, -1, 0)
	if err != nil {
		return nil, err
	}
	return unbroadcast(in, grad, minus)
}

type mulOp struct{ binary }

// Mul is a * b.
func Mul(a, b *Node) (*Node, error) {
	return apply(mulOp{binary{"Mul", func(a, b float32) float32 { return a * b }}}, a, b)
}

func (mulOp) Differentiate(in []*Node, _, grad *Node) ([]*Node, error) {
	da, err := Mul(grad, in[1])
	if err != nil {
		return nil, err
	}
	db, err := Mul(grad, in[0])
	if err != nil {
		return nil, err
	}
	return unbroadcast(in, da, db)
}

type divOp struct{ binary }

// Div is a / b.
func Div(a, b *Node) (*Node, error) {
	return apply(divOp{binary{"Div", func(a, b float32) float32 { return a / b }}}, a, b)
}

func (divOp) Differentiate(in []*Node, out, grad *Node) ([]*Node, error) {
	da, err := Div(grad, in[1]) // d(a/b)/da = 1/b
	if err != nil {
		return nil, err
	}
	t, err := Mul(da, out) // d(a/b)/db = -(a/b)/b
	if err != nil {
		return nil, err
	}
	db, err := Affine(t, -1, 0)
	if err != nil {
		return nil, err
	}
	return unbroadcast(in, da, db)
}

// unbroadcast sums each gradient back to its input's shape.
func unbroadcast(in []*Node, grads ...*Node) ([]*Node, error) {
	out := make([]*Node, len(grads))
	for i, g := range grads {
		var err error
		if out[i], err = SumTo(g, in[i].Shape()); err != nil {
			return nil, err
		}
	}
	return out, nil
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
