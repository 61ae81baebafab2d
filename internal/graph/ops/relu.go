package ops

import (
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

type reluOp struct {
	sameShape
	anyLayout
}

// ReLU is max(x, 0). NaN stays NaN.
func ReLU(x *Node) *Node { return apply("ReLU", reluOp{}, x) }

func (reluOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	for i, v := range in[0].Data {
		if !(v <= 0) {
			out.Data[i] = v
		}
	}
}

func (reluOp) Differentiate(_ []*Node, out, grad *Node) []*Node {
	return []*Node{apply("ReLUGrad", reluGradOp{}, grad, out)}
}

func (reluOp) Lower(b *onnxir.Builder, c Call) {
	elementwise(b, c, c.In[0], func(output string, in []string) { b.Node("Relu", output, in) })
}

// reluGradOp is the gradient of ReLU: dy where y > 0, else 0, with y the output of ReLU.
type reluGradOp struct {
	noGradient
	sameShape
	anyLayout
}

func (reluGradOp) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	for i, y := range in[1].Data {
		if y > 0 {
			out.Data[i] = in[0].Data[i]
		}
	}
}

func (reluGradOp) Lower(b *onnxir.Builder, c Call) {
	elementwise(b, c, c.In[1], func(output string, in []string) {
		b.Node("Mul", output, []string{in[0], active(b, in[1])})
	})
}

// active is 1 where y > 0, else 0. A comparison and a cast are vectorised in ONNX Runtime; Sign and Where are not.
func active(b *onnxir.Builder, y string) string {
	above := b.Temp("Greater", []string{y, b.Scalar(0)})
	return b.Temp("Cast", []string{above}, onnxir.Int("to", int(onnxir.Float)))
}
