package ops

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// pointwise is a function of one element: same shape out as in, one ONNX node.
type pointwise struct {
	sameShape
	name string // ONNX operator
	f    func(float64) float64
	slope
}

// slope is the gradient by x, of y = f(x), given the gradient dy by y; nil where the function has none.
type slope func(x, y, dy *Node) *Node

func pointwiseOf(x *Node, name string, f func(float64) float64, s slope) *Node {
	return apply(name, pointwise{name: name, f: f, slope: s}, x)
}

func (p pointwise) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	for i, v := range in[0].Data {
		out.Data[i] = float32(p.f(float64(v)))
	}
}

func (p pointwise) Constant(int) bool { return p.slope == nil }

func (p pointwise) Differentiate(in []*Node, out, grad *Node) []*Node {
	return []*Node{p.slope(in[0], out, grad)}
}

func (p pointwise) Lower(b *onnxir.Builder, c Call) { b.Node(p.name, c.Out, c.In) }

// Sin is the elementwise sine.
func Sin(x *Node) *Node {
	return pointwiseOf(x, "Sin", math.Sin, func(x, _, dy *Node) *Node { return Mul(dy, Cos(x)) })
}

// Cos is the elementwise cosine.
func Cos(x *Node) *Node {
	return pointwiseOf(x, "Cos", math.Cos, func(x, _, dy *Node) *Node { return Mul(dy, Affine(Sin(x), -1, 0)) })
}

// Exp is the elementwise exponential.
func Exp(x *Node) *Node {
	return pointwiseOf(x, "Exp", math.Exp, func(_, y, dy *Node) *Node { return Mul(dy, y) })
}

// Log is the elementwise natural logarithm.
func Log(x *Node) *Node {
	return pointwiseOf(x, "Log", math.Log, func(x, _, dy *Node) *Node { return Div(dy, x) })
}

// Sqrt is the elementwise square root.
func Sqrt(x *Node) *Node {
	return pointwiseOf(x, "Sqrt", math.Sqrt, func(_, y, dy *Node) *Node { return Div(Affine(dy, 0.5, 0), y) })
}

// Abs is the elementwise absolute value. Its gradient at 0 is 0.
func Abs(x *Node) *Node {
	return pointwiseOf(x, "Abs", math.Abs, func(x, _, dy *Node) *Node { return Mul(dy, Sign(x)) })
}

// Detached is x itself, without a gradient: what follows from it does not train what x is made of.
func Detached(x *Node) *Node {
	return pointwiseOf(x, "Identity", func(v float64) float64 { return v }, nil)
}

// Sign is -1, 0 or 1, without a gradient.
func Sign(x *Node) *Node { return pointwiseOf(x, "Sign", sign, nil) }

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v // 0, or NaN, which must stay visible
}

// Sigmoid is 1 / (1 + exp(-x)).
func Sigmoid(x *Node) *Node {
	f := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	return pointwiseOf(x, "Sigmoid", f, func(_, y, dy *Node) *Node { return Mul(dy, Mul(y, Affine(y, -1, 1))) })
}

// Tanh is the hyperbolic tangent.
func Tanh(x *Node) *Node {
	return pointwiseOf(x, "Tanh", math.Tanh, func(_, y, dy *Node) *Node { return Mul(dy, Affine(Mul(y, y), -1, 1)) })
}
