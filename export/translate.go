package export

import (
	"slices"

	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

// translator makes the graph node of a file node, inside ops.Build.
type translator func(*rebuilder, *fileNode) *gorgonia.Node

// translatorOf turns ONNX operators back into ptyx's: the inverse of the Lower faces that a checkpoint uses. A form that
// Lower does not write is refused, never approximated.
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
		n.require(n.attributes(0), "has attributes")
		return f(r.operand(n, 0))
	}
}

func binary(f func(a, b *ops.Node) *ops.Node) translator {
	return func(r *rebuilder, n *fileNode) *gorgonia.Node {
		n.require(n.attributes(0), "has attributes")
		return f(r.operand(n, 0), r.operand(n, 1))
	}
}

// scalarOr is an operation on two arrays, or on one and a constant scalar.
func scalarOr(arrays func(a, b *ops.Node) *ops.Node, scalar func(*ops.Node, float32) *ops.Node) translator {
	return func(r *rebuilder, n *fileNode) *gorgonia.Node {
		if b := r.file.operand(n, 1); b.constant {
			if value := b.numbers(); len(value) == 1 {
				return unary(func(x *ops.Node) *ops.Node { return scalar(x, float32(value[0])) })(r, n)
			}
		}
		return binary(arrays)(r, n)
	}
}

// operand is the graph node of input i.
func (r *rebuilder) operand(n *fileNode, i int) *gorgonia.Node { return r.node(r.file.operand(n, i)) }

// require refuses an operator that is not of the form that ptyx writes.
func (n *fileNode) require(ok bool, mistake string) {
	if !ok {
		ops.Fail("%s", mistake)
	}
}

func (r *rebuilder) conv(n *fileNode) *gorgonia.Node {
	x, w, bias := r.operand(n, 0), r.operand(n, 1), r.operand(n, 2)
	y := ops.Conv2D(x, w, bias)
	kernel := int64(w.Shape()[2])
	half := kernel / 2
	n.require(n.attributes(5) && n.ints("kernel_shape", kernel, kernel) && n.ints("pads", half, half, half, half) &&
		n.ints("strides", 1, 1) && n.ints("dilations", 1, 1) && n.is("group", 1),
		"is not a convolution that keeps the size")
	return y
}

// maxPool expects the ReLU before the pooling, as ReLUMaxPool writes it.
func (r *rebuilder) maxPool(n *fileNode) *gorgonia.Node {
	n.require(n.attributes(3) && n.ints("kernel_shape", 2, 2) && n.ints("strides", 2, 2) && n.ints("pads", 0, 0, 0, 0),
		"is not a 2 x 2 pooling")
	relu := r.file.operand(n, 0)
	n.require(relu.op != nil && relu.op.Name == "Relu" && relu.attributes(0), "has no Relu before it")
	return ops.ReLUMaxPool(r.operand(relu, 0))
}

func (r *rebuilder) resize(n *fileNode) *gorgonia.Node {
	n.require(slices.Equal(r.file.constant(n, 2), []float64{1, 1, 2, 2}) && n.attributes(3) && n.is("mode", "nearest") &&
		n.is("nearest_mode", "floor") && n.is("coordinate_transformation_mode", "asymmetric"),
		"is not a nearest 2 x 2 upsampling")
	return ops.Upsample(r.operand(n, 0))
}

// pad is a margin of zeros around rows and columns.
func (r *rebuilder) pad(n *fileNode) *gorgonia.Node {
	pads := r.file.constant(n, 1)
	n.require(slices.Equal(r.file.constant(n, 2), []float64{0}) && n.attributes(0), "is not a margin of zeros")
	n.require(len(pads) == 8, "is not an even margin")
	m := pads[2]
	n.require(slices.Equal(pads, []float64{0, 0, m, m, 0, 0, m, m}), "is not an even margin")
	return ops.Pad(r.operand(n, 0), int(m))
}

// crop takes an even margin off rows and columns.
func (r *rebuilder) crop(n *fileNode) *gorgonia.Node {
	starts, ends, axes := r.file.constant(n, 1), r.file.constant(n, 2), r.file.constant(n, 3)
	n.require(len(starts) == 2 && len(ends) == 2, "is not a margin of rows and columns")
	m := starts[0]
	n.require(starts[1] == m && ends[0] == -m && ends[1] == -m && slices.Equal(axes, []float64{2, 3}) && n.attributes(0),
		"is not an even margin")
	return ops.Crop(r.operand(n, 0), int(m))
}
