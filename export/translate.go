package export

import (
	"slices"

	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// translator makes the graph node of a file node, inside ops.Build.
type translator func(*rebuilder, *fileNode) *gorgonia.Node

// translatorOf turns ONNX operators back into ptyx's: the inverse of the Lower methods that a checkpoint uses. A form
// that Lower does not write is refused, never approximated.
func translatorOf(opType string) (translator, bool) {
	t, ok := map[string]translator{
		"Conv":    (*rebuilder).conv,
		"Relu":    unary(ops.ReLU),
		"MaxPool": (*rebuilder).maxPool,
		"Resize":  (*rebuilder).resize,
		"Sigmoid": unary(ops.Sigmoid),
		"Tanh":    unary(ops.Tanh),
		"Sin":     unary(ops.Sin),
		"Cos":     unary(ops.Cos),
		"Sqrt":    unary(ops.Sqrt),
		"Atan":    unary(ops.Atan),
		"Abs":     unary(ops.Abs),
		"Mul":     scalarOr(ops.Mul, func(x *ops.Node, factor float32) *ops.Node { return ops.Affine(x, factor, 0) }),
		"Add":     scalarOr(ops.Add, func(x *ops.Node, offset float32) *ops.Node { return ops.Affine(x, 1, offset) }),
		"Sub":     binary(ops.Sub),
		"Div":     binary(ops.Div),
		"MatMul":  binary(ops.MatMul),
		"Pad":     (*rebuilder).pad,
		"Slice":   (*rebuilder).crop,
	}[opType]
	return t, ok
}

func unary(f func(*ops.Node) *ops.Node) translator {
	return func(r *rebuilder, n *fileNode) *gorgonia.Node {
		n.require(n.has(nil), "has attributes")
		return f(r.operand(n, 0))
	}
}

func binary(f func(a, b *ops.Node) *ops.Node) translator {
	return func(r *rebuilder, n *fileNode) *gorgonia.Node {
		n.require(n.has(nil), "has attributes")
		return f(r.operand(n, 0), r.operand(n, 1))
	}
}

// scalarOr is an operation on two arrays, or on one and a constant scalar.
func scalarOr(arrays func(a, b *ops.Node) *ops.Node, scalar func(*ops.Node, float32) *ops.Node) translator {
	return func(r *rebuilder, n *fileNode) *gorgonia.Node {
		if b := n.operand(1); b.tensor != nil {
			if value := b.numbers(); len(value) == 1 {
				return unary(func(x *ops.Node) *ops.Node { return scalar(x, float32(value[0])) })(r, n)
			}
		}
		return binary(arrays)(r, n)
	}
}

// operand is the graph node of input i.
func (r *rebuilder) operand(n *fileNode, i int) *gorgonia.Node { return r.node(n.operand(i)) }

func (r *rebuilder) conv(n *fileNode) *gorgonia.Node {
	x, w, bias := r.operand(n, 0), r.operand(n, 1), r.operand(n, 2)
	y := ops.Conv2D(x, w, bias)
	kernel := int64(w.Shape()[2])
	half := kernel / 2
	n.require(n.has(attributes{
		"kernel_shape": []int64{kernel, kernel}, "pads": []int64{half, half, half, half},
		"strides": []int64{1, 1}, "dilations": []int64{1, 1}, "group": int64(1),
	}), "is not a convolution that keeps the size")
	return y
}

// maxPool expects the ReLU before the pooling, as ReLUMaxPool writes it.
func (r *rebuilder) maxPool(n *fileNode) *gorgonia.Node {
	two := []int64{2, 2}
	n.require(n.has(attributes{"kernel_shape": two, "strides": two, "pads": make([]int64, 4)}),
		"is not a 2 x 2 pooling")
	relu := n.operand(0)
	n.require(relu.op != nil && relu.op.Name == "Relu" && relu.has(nil), "has no Relu before it")
	return ops.ReLUMaxPool(r.operand(relu, 0))
}

func (r *rebuilder) resize(n *fileNode) *gorgonia.Node {
	form := attributes{"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
	n.require(slices.Equal(n.constant(2), []float64{1, 1, 2, 2}) && n.has(form), "is not a nearest 2 x 2 upsampling")
	return ops.Upsample(r.operand(n, 0))
}

// pad is a margin of zeros around rows and columns.
func (r *rebuilder) pad(n *fileNode) *gorgonia.Node {
	pads := n.constant(1)
	n.require(slices.Equal(n.constant(2), []float64{0}) && n.has(nil), "is not a margin of zeros")
	n.require(len(pads) == 8, "is not an even margin")
	m := pads[2]
	n.require(slices.Equal(pads, []float64{0, 0, m, m, 0, 0, m, m}), "is not an even margin")
	return ops.Pad(r.operand(n, 0), int(m))
}

// crop takes an even margin off rows and columns.
func (r *rebuilder) crop(n *fileNode) *gorgonia.Node {
	starts := n.constant(1)
	n.require(len(starts) == 2, "is not a margin of rows and columns")
	m := starts[0]
	n.require(starts[1] == m && slices.Equal(n.constant(2), []float64{-m, -m}) &&
		slices.Equal(n.constant(3), []float64{2, 3}) && n.has(nil), "is not an even margin")
	return ops.Crop(r.operand(n, 0), int(m))
}
