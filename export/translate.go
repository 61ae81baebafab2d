package export

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/ops"
)

type translator func(*rebuilder, *fileNode) (*gorgonia.Node, error)

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
		"Mul":     (*rebuilder).mul,
		"Add":     (*rebuilder).add,
		"Sub":     binary(ops.Sub),
		"Div":     binary(ops.Div),
		"MatMul":  binary(ops.MatMul),
		"Pad":     (*rebuilder).pad,
		"Slice":   (*rebuilder).crop,
	}[opType]
	return t, ok
}

func unary(f func(*ops.Node) (*ops.Node, error)) translator {
	return func(r *rebuilder, n *fileNode) (*gorgonia.Node, error) {
		if !n.attributes(0) {
			return nil, fmt.Errorf("has attributes")
		}
		x, err := r.operand(n, 0)
		if err != nil {
			return nil, err
		}
		return f(x)
	}
}

func binary(f func(a, b *ops.Node) (*ops.Node, error)) translator {
	return func(r *rebuilder, n *fileNode) (*gorgonia.Node, error) {
		if !n.attributes(0) {
			return nil, fmt.Errorf("has attributes")
		}
		a, err := r.operand(n, 0)
		if err != nil {
			return nil, err
		}
		b, err := r.operand(n, 1)
		if err != nil {
			return nil, err
		}
		return f(a, b)
	}
}

// operand is the graph node of input i.
func (r *rebuilder) operand(n *fileNode, i int) (*gorgonia.Node, error) {
	f, err := r.file.operand(n, i)
	if err != nil {
		return nil, err
	}
	return r.node(f)
}

func (r *rebuilder) conv(n *fileNode) (*gorgonia.Node, error) {
	var in [3]*gorgonia.Node
	for i := range in {
		var err error
		if in[i], err = r.operand(n, i); err != nil {
			return nil, err
		}
	}
	y, err := ops.Conv2D(in[0], in[1], in[2])
	if err != nil {
		return nil, err
	}
	kernel := int64(in[1].Shape()[2])
	half := kernel / 2
	if !n.attributes(5) || !n.ints("kernel_shape", kernel, kernel) || !n.ints("pads", half, half, half, half) ||
		!n.ints("strides", 1, 1) || !n.ints("dilations", 1, 1) || !n.is("group", 1) {
		return nil, fmt.Errorf("is not a convolution that keeps the size")
	}
	return y, nil
}

// maxPool expects the ReLU before the pooling, as ReLUMaxPool writes it.
func (r *rebuilder) maxPool(n *fileNode) (*gorgonia.Node, error) {
	if !n.attributes(3) || !n.ints("kernel_shape", 2, 2) || !n.ints("strides", 2, 2) || !n.ints("pads", 0, 0, 0, 0) {
		return nil, fmt.Errorf("is not a 2 x 2 pooling")
	}
	relu, err := r.file.operand(n, 0)
	if err != nil {
		return nil, err
	}
	if relu.op == nil || relu.op.Name != "Relu" || !relu.attributes(0) {
		return nil, fmt.Errorf("has no Relu before it")
	}
	x, err := r.operand(relu, 0)
	if err != nil {
		return nil, err
	}
	return ops.ReLUMaxPool(x)
}

func (r *rebuilder) resize(n *fileNode) (*gorgonia.Node, error) {
	scales, err := r.file.constant(n, 2)
	if err != nil {
		return nil, err
	}
	if len(scales) != 4 || scales[0] != 1 || scales[1] != 1 || scales[2] != 2 || scales[3] != 2 || !n.attributes(3) ||
		!n.is("mode", "nearest") || !n.is("nearest_mode", "floor") || !n.is("coordinate_transformation_mode", "asymmetric") {
		return nil, fmt.Errorf("is not a nearest 2 x 2 upsampling")
	}
	x, err := r.operand(n, 0)
	if err != nil {
		return nil, err
	}
	return ops.Upsample(x)
}

// mul is a product of two arrays, or of one with a constant scalar.
func (r *rebuilder) mul(n *fileNode) (*gorgonia.Node, error) {
	return r.scalarOr(n, ops.Mul, func(x *gorgonia.Node, factor float32) (*gorgonia.Node, error) { return ops.Affine(x, factor, 0) })
}

// add is a sum of two arrays, or of one with a constant scalar.
func (r *rebuilder) add(n *fileNode) (*gorgonia.Node, error) {
	return r.scalarOr(n, ops.Add, func(x *gorgonia.Node, offset float32) (*gorgonia.Node, error) { return ops.Affine(x, 1, offset) })
}

// scalarOr is an operation on two arrays, or on one and a constant scalar.
func (r *rebuilder) scalarOr(n *fileNode, arrays func(a, b *gorgonia.Node) (*gorgonia.Node, error), scalar func(*gorgonia.Node, float32) (*gorgonia.Node, error)) (*gorgonia.Node, error) {
	value, err := r.file.constant(n, 1)
	if err != nil || len(value) != 1 {
		return binary(arrays)(r, n)
	}
	if !n.attributes(0) {
		return nil, fmt.Errorf("has attributes")
	}
	x, err := r.operand(n, 0)
	if err != nil {
		return nil, err
	}
	return scalar(x, float32(value[0]))
}

// pad is a margin of zeros around rows and columns.
func (r *rebuilder) pad(n *fileNode) (*gorgonia.Node, error) {
	pads, err := r.file.constant(n, 1)
	if err != nil {
		return nil, err
	}
	value, err := r.file.constant(n, 2)
	if err != nil {
		return nil, err
	}
	if len(value) != 1 || value[0] != 0 || !n.attributes(0) {
		return nil, fmt.Errorf("is not a margin of zeros")
	}
	if len(pads) != 8 || pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0 ||
		pads[2] != pads[3] || pads[2] != pads[6] || pads[2] != pads[7] {
		return nil, fmt.Errorf("is not an even margin")
	}
	x, err := r.operand(n, 0)
	if err != nil {
		return nil, err
	}
	return ops.Pad(x, int(pads[2]))
}

// crop takes an even margin off rows and columns.
func (r *rebuilder) crop(n *fileNode) (*gorgonia.Node, error) {
	var bounds [3][]float64 // starts, ends, axes
	for i := range bounds {
		var err error
		if bounds[i], err = r.file.constant(n, i+1); err != nil {
			return nil, err
		}
		if len(bounds[i]) != 2 {
			return nil, fmt.Errorf("is not a margin of rows and columns")
		}
	}
	margin := bounds[0][0]
	if bounds[0][1] != margin || bounds[1][0] != -margin || bounds[1][1] != -margin || bounds[2][0] != 2 || bounds[2][1] != 3 || !n.attributes(0) {
		return nil, fmt.Errorf("is not an even margin")
	}
	x, err := r.operand(n, 0)
	if err != nil {
		return nil, err
	}
	return ops.Crop(x, int(margin))
}
