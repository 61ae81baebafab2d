package export

import (
	"slices"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// translator makes the graph node of a file node, inside ops.Build.
type translator func(*rebuilder, *fileNode) *gorgonia.Node

// translatorOf turns ONNX operators back into ptyx's: the inverse of the Lower methods that a checkpoint uses. A form
// that Lower does not write is refused, never approximated.
func translatorOf(opType string) (translator, bool) {
	t, ok := map[string]translator{
		"Conv":         (*rebuilder).conv,
		"Relu":         unary(ops.ReLU),
		"MaxPool":      (*rebuilder).maxPool,
		"Resize":       (*rebuilder).resize,
		"Sigmoid":      unary(ops.Sigmoid),
		"Tanh":         unary(ops.Tanh),
		"Sin":          unary(ops.Sin),
		"Cos":          unary(ops.Cos),
		"Log":          unary(ops.Log),
		"Sqrt":         unary(ops.Sqrt),
		"Atan":         unary(ops.Atan),
		"Abs":          unary(ops.Abs),
		"Mul":          scalarOr(ops.Mul, func(x *ops.Node, v float32) *ops.Node { return ops.Affine(x, v, 0) }),
		"Add":          scalarOr(ops.Add, func(x *ops.Node, v float32) *ops.Node { return ops.Affine(x, 1, v) }),
		"Sub":          binary(ops.Sub),
		"Div":          binary(ops.Div),
		"MatMul":       binary(ops.MatMul),
		"Pad":          (*rebuilder).pad,
		"Slice":        (*rebuilder).slice,
		"Neg":          (*rebuilder).negative,
		"Concat":       (*rebuilder).concat,
		"Reshape":      (*rebuilder).reshape,
		"ReduceSum":    (*rebuilder).sum,
		"Transpose":    (*rebuilder).transpose,
		"SpaceToDepth": blocks(ops.SpaceToDepth),
		"DepthToSpace": blocks(ops.DepthToSpace),
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

// slice takes some channels, or an even margin off rows and columns.
func (r *rebuilder) slice(n *fileNode) *gorgonia.Node {
	starts, ends := n.constant(1), n.constant(2)
	if len(starts) == 1 {
		n.require(len(ends) == 1 && slices.Equal(n.constant(3), []float64{1}) && n.has(nil), "does not take channels")
		return ops.Channels(r.operand(n, 0), int(starts[0]), int(ends[0]))
	}
	n.require(len(starts) == 2, "is not a margin of rows and columns")
	m := starts[0]
	n.require(starts[1] == m && slices.Equal(n.constant(2), []float64{-m, -m}) &&
		slices.Equal(n.constant(3), []float64{2, 3}) && n.has(nil), "is not an even margin")
	return ops.Crop(r.operand(n, 0), int(m))
}

// negative is -x, and of a constant another constant.
func (r *rebuilder) negative(n *fileNode) *gorgonia.Node {
	n.require(n.has(nil), "has attributes")
	x := r.operand(n, 0)
	if value, ok := constant(x); ok {
		out := ndarray.New[float32](value.Shape...)
		for i, v := range value.Data {
			out.Data[i] = -v
		}
		return program.Constant(r.graph, n.name, out)
	}
	return ops.Affine(x, -1, 0)
}

// concat joins images along their channels, or constant matrices along rows or columns.
func (r *rebuilder) concat(n *fileNode) *gorgonia.Node {
	var operands []*gorgonia.Node
	var matrices []*ndarray.Float32
	for i := range n.operands {
		operands = append(operands, r.operand(n, i))
		if value, ok := constant(operands[i]); ok && len(value.Shape) == 2 {
			matrices = append(matrices, value)
		}
	}
	if len(matrices) < len(operands) || len(operands) == 0 {
		n.require(n.has(attributes{"axis": int64(1)}), "does not join channels")
		return ops.Concat(operands...)
	}
	down := n.has(attributes{"axis": int64(0)})
	n.require(down || n.has(attributes{"axis": int64(1)}), "does not join rows or columns")
	joined, ok := joinMatrices(matrices, down)
	n.require(ok, "joins matrices that do not fit")
	return program.Constant(r.graph, n.name, joined)
}

// joinMatrices puts matrices below one another, or side by side.
func joinMatrices(matrices []*ndarray.Float32, down bool) (*ndarray.Float32, bool) {
	rows, cols := matrices[0].Shape[0], matrices[0].Shape[1]
	var data []float32
	for _, m := range matrices {
		if down && m.Shape[1] != cols || !down && m.Shape[0] != rows {
			return nil, false
		}
	}
	if down {
		for _, m := range matrices {
			data = append(data, m.Data...)
		}
		return ndarray.Wrap(data, len(data)/cols, cols), true
	}
	for row := range rows {
		for _, m := range matrices {
			data = append(data, m.Data[row*m.Shape[1]:(row+1)*m.Shape[1]]...)
		}
	}
	return ndarray.Wrap(data, rows, len(data)/rows), true
}

// constant is the value of a node that is one.
func constant(n *gorgonia.Node) (*ndarray.Float32, bool) {
	if n.Op() != nil || n.Value() == nil {
		return nil, false
	}
	value, err := ops.FromValue(n.Value())
	return value, err == nil
}

// reshape gives another shape, in which 0 keeps a dimension and -1 takes the remaining values.
func (r *rebuilder) reshape(n *fileNode) *gorgonia.Node {
	x := r.operand(n, 0)
	n.require(n.has(nil), "has attributes")
	var shape []int
	left, free := ndarray.Size(x.Shape()), -1
	for i, d := range n.constant(1) {
		switch {
		case d == 0 && i < len(x.Shape()):
			d = float64(x.Shape()[i])
		case d == -1 && free < 0:
			free, d = i, 1
		}
		n.require(d >= 1 && left%int(d) == 0, "has a shape that does not fit")
		shape, left = append(shape, int(d)), left/int(d)
	}
	if free >= 0 {
		shape[free] = left
	}
	return ops.Reshape(x, shape...)
}

// sum adds along dimensions that stay as 1.
func (r *rebuilder) sum(n *fileNode) *gorgonia.Node {
	x := r.operand(n, 0)
	n.require(n.has(attributes{"keepdims": int64(1)}), "does not keep its dimensions")
	shape := x.Shape().Clone()
	for _, axis := range n.constant(1) {
		n.require(axis >= 0 && int(axis) < len(shape), "has no such dimension")
		shape[int(axis)] = 1
	}
	return ops.SumTo(x, shape)
}

// transpose exchanges rows and columns.
func (r *rebuilder) transpose(n *fileNode) *gorgonia.Node {
	x := r.operand(n, 0)
	perm := make([]int64, len(x.Shape()))
	for i := range perm {
		perm[i] = int64(i)
	}
	n.require(len(perm) >= 2, "has no rows and columns")
	last := len(perm) - 1
	perm[last-1], perm[last] = perm[last], perm[last-1]
	n.require(n.has(attributes{"perm": perm}), "does not exchange rows and columns")
	return ops.TransposeLast(x)
}

// blocks moves squares of pixels into channels, or back.
func blocks(apply func(x *ops.Node, side int) *ops.Node) translator {
	return func(r *rebuilder, n *fileNode) *gorgonia.Node {
		side, ok := n.op.Attributes["blocksize"].(int64)
		n.require(ok && side >= 1 && n.has(attributes{"blocksize": side}), "has no size of a square")
		return apply(r.operand(n, 0), int(side))
	}
}
