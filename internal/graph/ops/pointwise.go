package ops

import (
	"math"

	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// pointwise is the common part of functions of one element: same shape out as in, one ONNX node.
type pointwise struct {
	name string // ONNX operator
	f    func(float64) float64
}

func (p pointwise) Label() string { return p.name }

func (p pointwise) Shape(in []tensor.Shape) (tensor.Shape, error) { return in[0], nil }

func (p pointwise) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	for i, v := range in[0].Data {
		out.Data[i] = float32(p.f(float64(v)))
	}
}

func (p pointwise) Lower(b *onnxir.Builder, c Call) { b.Node(p.name, c.Out[0], c.In) }

type sinOp struct{ pointwise }

// Sin is the elementwise sine.
func Sin(x *Node) (*Node, error) { return apply(sinOp{pointwise{"Sin", math.Sin}}, x) }

func (sinOp) Differentiate(in []*Node, _, grad *Node) ([]*Node, error) {
	return one(chain(grad, Mul, func() (*Node, error) { return Cos(in[0]) }))
}

type cosOp struct{ pointwise }

// Cos is the elementwise cosine.
func Cos(x *Node) (*Node, error) { return apply(cosOp{pointwise{"Cos", math.Cos}}, x) }

func (cosOp) Differentiate(in []*Node, _, grad *Node) ([]*Node, error) {
	s, err := Sin(in[0])
	if err != nil {
		return nil, err
	}
	return one(chain(grad, Mul, func() (*Node, error) { return Affine(s, -1, 0) }))
}

type logOp struct{ pointwise }

// Log is the elementwise natural logarithm.
func Log(x *Node) (*Node, error) { return apply(logOp{pointwise{"Log", math.Log}}, x) }

func (logOp) Differentiate(in []*Node, _, grad *Node) ([]*Node, error) { return one(Div(grad, in[0])) }

type sqrtOp struct{ pointwise }

// Sqrt is the elementwise square root.
func Sqrt(x *Node) (*Node, error) { return apply(sqrtOp{pointwise{"Sqrt", math.Sqrt}}, x) }

func (sqrtOp) Differentiate(_ []*Node, out, grad *Node) ([]*Node, error) {
	half, err := Affine(grad, 0.5, 0)
	if err != nil {
		return nil, err
	}
	return one(Div(half, out))
}

type absOp struct{ pointwise }

// Abs is the elementwise absolute value; its gradient at 0 is 0.
func Abs(x *Node) (*Node, error) { return apply(absOp{pointwise{"Abs", math.Abs}}, x) }

func (absOp) Differentiate(in []*Node, _, grad *Node) ([]*Node, error) {
	return one(chain(grad, Mul, func() (*Node, error) { return Sign(in[0]) }))
}

type signOp struct {
	noGradient
	pointwise
}

// Sign is -1, 0 or 1.
func Sign(x *Node) (*Node, error) {
	return apply(signOp{pointwise: pointwise{"Sign", sign}}, x)
}

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v // 0, or NaN, which must stay visible
}

type sigmoidOp struct{ pointwise }

// Sigmoid is 1 / (1 + exp(-x)).
func Sigmoid(x *Node) (*Node, error) {
	return apply(sigmoidOp{pointwise{"Sigmoid", func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }}}, x)
}

func (sigmoidOp) Differentiate(_ []*Node, out, grad *Node) ([]*Node, error) {
	rest, err := Affine(out, -1, 1)
	if err != nil {
		return nil, err
	}
	slope, err := Mul(out, rest)
	if err != nil {
		return nil, err
	}
	return one(Mul(grad, slope))
}

type tanhOp struct{ pointwise }

// Tanh is the hyperbolic tangent.
func Tanh(x *Node) (*Node, error) { return apply(tanhOp{pointwise{"Tanh", math.Tanh}}, x) }

func (tanhOp) Differentiate(_ []*Node, out, grad *Node) ([]*Node, error) {
	square, err := Mul(out, out)
	if err != nil {
		return nil, err
	}
	slope, err := Affine(square, -1, 1)
	if err != nil {
		return nil, err
	}
	return one(Mul(grad, slope))
}

type atanOp struct{ pointwise }

// Atan is the elementwise arc tangent, in (-pi/2, pi/2).
func Atan(x *Node) (*Node, error) { return apply(atanOp{pointwise{"Atan", math.Atan}}, x) }

func (atanOp) Differentiate(in []*Node, _, grad *Node) ([]*Node, error) {
	square, err := Mul(in[0], in[0])
	if err != nil {
		return nil, err
	}
	slope, err := Affine(square, 1, 1)
	if err != nil {
		return nil, err
	}
	return one(Div(grad, slope))
}

// one makes the gradient list of a unary operator.
func one(n *Node, err error) ([]*Node, error) {
	if err != nil {
		return nil, err
	}
	return []*Node{n}, nil
}

// chain is the chain rule: combine(grad, local()).
func chain(grad *Node, combine func(a, b *Node) (*Node, error), local func() (*Node, error)) (*Node, error) {
	l, err := local()
	if err != nil {
		return nil, err
	}
	return combine(grad, l)
}
