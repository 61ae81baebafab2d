package ops

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// atanSeries are the coefficients c of 2*atan(q) = q * (c[0] + c[1] q^2 + c[2] q^4 + ...) for |q| <= 1: the polynomial
// of least maximum error, 1.2e-8, by Remez's exchange.
var atanSeries = [...]float32{
	2 * 0.9999998864, -2 * 0.3333259703, 2 * 0.199859068, -2 * 0.1416122939, 2 * 0.104989467, -2 * 0.07234858466,
	2 * 0.03978123466, -2 * 0.01440136388, 2 * 0.002456725908,
}

type atan struct{ sameShape }

// Atan is the elementwise arc tangent, in (-pi/2, pi/2), to 5e-7, for |x| < 1e19. It lowers to arithmetic and a square
// root, because ONNX Runtime's CUDA provider has no kernel for the operator Atan.
func Atan(x *Node) *Node { return apply("Atan", atan{}, x) }

func (atan) Differentiate(in []*Node, _, dy *Node) []*Node {
	return []*Node{Div(dy, Affine(Mul(in[0], in[0]), 1, 1))}
}

// Eval makes the steps of Lower, each rounded to float32.
func (atan) Eval(in []*ndarray.Float32, out *ndarray.Float32) {
	last := len(atanSeries) - 1
	for i, x := range in[0].Data {
		hypotenuse := float32(math.Sqrt(float64(float32(x*x) + 1)))
		q := x / (hypotenuse + 1)
		square := float32(q * q)
		sum := float32(square * atanSeries[last])
		for k := last - 1; k > 0; k-- {
			sum = float32((sum + atanSeries[k]) * square)
		}
		out.Data[i] = (sum + atanSeries[0]) * q
	}
}

// Lower writes the tangent of half the angle, q = x / (1 + sqrt(1 + x^2)), which is at most 1, and twice its arc
// tangent.
func (atan) Lower(b *onnxir.Builder, c Call) {
	x, one, last := c.In[0], b.Scalar(1), len(atanSeries)-1
	step := func(opType string, inputs ...string) string {
		name := b.Temp(opType, inputs)
		b.ShapedLike(name, x) // viewers show the shape of every value
		return name
	}
	hypotenuse := step("Sqrt", step("Add", step("Mul", x, x), one))
	q := step("Div", x, step("Add", hypotenuse, one))
	square := step("Mul", q, q)
	sum := step("Mul", square, b.Scalar(atanSeries[last]))
	for k := last - 1; k > 0; k-- {
		sum = step("Mul", step("Add", sum, b.Scalar(atanSeries[k])), square)
	}
	b.Node("Mul", c.Out, []string{step("Add", sum, b.Scalar(atanSeries[0])), q})
}
