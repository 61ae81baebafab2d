// Package ops holds the operators that ptyx builds its graphs of: convolution, matrix product, pointwise functions and
// so on. Functions such as Conv2D or MatMul apply an operator to nodes and return the new node. On a shape mistake they
// panic, and Build, around the code that builds a graph, returns the mistake as an error.
//
// An operator is one small type in one file. Its methods are Shape; Eval, the reference in plain Go; Differentiate, its
// gradient as a graph of further operators; and Lower, the ONNX nodes that it becomes. So gorgonia.Grad differentiates
// a whole graph symbolically, the tape engine runs it, and package export lowers it. To add an operator, write its file
// and its row in the table of ops_test.go, which compares the methods with each other.
//
// Packages forward and models compose operators. All values are float32. Images are (B, C, H, W): batch, channel, row,
// column.
package ops

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
)

// Node is a node of the expression graph.
type Node = gorgonia.Node

// definition is an operator as its file defines it.
type definition interface {
	// Shape checks the input shapes and returns the output's.
	Shape(in []tensor.Shape) (tensor.Shape, error)
	// Eval computes the output into out, which is zeroed and has the shape that Shape gave.
	Eval(in []*ndarray.Float32, out *ndarray.Float32)
	// Differentiate returns the gradient node of each input, given the gradient of the output; nil for inputs that are
	// Constant.
	Differentiate(in []*Node, out, grad *Node) []*Node
	// Lower writes the nodes that compute call.Out from call.In.
	Lower(b *onnxir.Builder, call Call)
}

// Call is one use of an operator in a lowering: the tensor names and their shapes. In a checkpoint the first dimension
// of a batch is symbolic, so a Lower that serves checkpoints must not write Shape[0] into a node.
type Call struct {
	In       []string
	Out      string
	InShapes []tensor.Shape
	OutShape tensor.Shape
}

// partial is implemented by operators that have no gradient for some inputs.
type partial interface {
	// Constant reports whether differentiation treats input i as a constant.
	Constant(i int) bool
}

// Operator is a gorgonia.SDOp: a definition for inputs of known shapes. Operators of equal labels and shapes compute
// the same thing.
type Operator struct {
	definition
	label string // name and attributes
	in    []tensor.Shape
	out   tensor.Shape
}

var _ gorgonia.SDOp = (*Operator)(nil)

// apply makes the node of an operator with inputs.
func apply(label string, d definition, inputs ...*Node) *Node {
	op := &Operator{definition: d, label: label}
	for _, n := range inputs {
		op.in = append(op.in, n.Shape())
	}
	out, err := d.Shape(op.in)
	if err != nil {
		Fail("%s of shapes %v: %w", label, op.in, err)
	}
	op.out = out
	return Must(gorgonia.ApplyOp(op, inputs...))
}

// use is the use of an operator of one input.
type use[D definition] struct {
	op      D
	operand *Node
}

// operandOf finds out whether a node is the result of an operator of one input of type D.
func operandOf[D definition](x *Node) (use[D], bool) {
	o, ok := x.Op().(*Operator)
	if !ok {
		return use[D]{}, false
	}
	d, ok := o.definition.(D)
	if !ok {
		return use[D]{}, false
	}
	inputs := x.Graph().From(x.ID())
	inputs.Next()
	return use[D]{d, inputs.Node().(*Node)}, true
}

// anyLayout is embedded by operators whose Lower takes images in either layout, see layout.go.
type anyLayout struct{}

func (anyLayout) takesRows() bool { return true }

// Lower writes the operator's nodes. Operators that know plain layouts only get them.
func (o *Operator) Lower(b *onnxir.Builder, c Call) {
	if r, ok := o.definition.(interface{ takesRows() bool }); !ok || !r.takesRows() {
		needAll(b, c.In)
	}
	o.definition.Lower(b, c)
}

// Arity is the number of inputs.
func (o *Operator) Arity() int { return len(o.in) }

// Type is the function type over tensors of the known ranks.
func (o *Operator) Type() hm.Type {
	types := make([]hm.Type, 0, len(o.in)+1)
	for _, s := range o.in {
		types = append(types, typeOf(s))
	}
	return hm.NewFnType(append(types, typeOf(o.out))...)
}

func typeOf(s tensor.Shape) hm.Type {
	if s.Dims() == 0 {
		return tensor.Float32
	}
	return gorgonia.TensorType{Dims: s.Dims(), Of: tensor.Float32}
}

// InferShape returns the output shape.
func (o *Operator) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) { return o.out.Clone(), nil }

// Do runs Eval on Gorgonia's values.
func (o *Operator) Do(values ...gorgonia.Value) (gorgonia.Value, error) {
	if len(values) != len(o.in) {
		return nil, fmt.Errorf("%s: %d values for %d inputs", o.label, len(values), len(o.in))
	}
	in := make([]*ndarray.Float32, len(values))
	for i, v := range values {
		a, err := FromValue(v)
		if err != nil {
			return nil, fmt.Errorf("%s: input %d: %w", o.label, i, err)
		}
		if !ndarray.SameShape(a.Shape, o.in[i]) {
			return nil, fmt.Errorf("%s: input %d has shape %v, built for %v", o.label, i, a.Shape, o.in[i])
		}
		in[i] = a
	}
	out := ndarray.New[float32](o.out...)
	o.Eval(in, out)
	return ToValue(out), nil
}

// FromValue views a Gorgonia value as an array, without copying.
func FromValue(v gorgonia.Value) (*ndarray.Float32, error) {
	switch v := v.(type) {
	case *gorgonia.F32:
		return ndarray.Wrap([]float32{float32(*v)}), nil
	case *tensor.Dense:
		switch data := v.Data().(type) {
		case []float32:
			if len(data) == ndarray.Size(v.Shape()) {
				return ndarray.Wrap(data, v.Shape()...), nil
			}
		case float32:
			return ndarray.Wrap([]float32{data}, v.Shape()...), nil
		}
	}
	return nil, fmt.Errorf("value of type %T is not a dense float32 tensor", v)
}

// ToValue makes a Gorgonia value of an array, without copying.
func ToValue(a *ndarray.Float32) gorgonia.Value {
	if len(a.Shape) == 0 {
		return gorgonia.NewF32(a.Data[0])
	}
	return tensor.New(tensor.WithShape(a.Shape...), tensor.WithBacking(a.Data))
}

// DiffWRT reports which inputs have a gradient.
func (o *Operator) DiffWRT(inputs int) []bool {
	mask := make([]bool, inputs)
	p, isPartial := o.definition.(partial)
	for i := range mask {
		mask[i] = !isPartial || !p.Constant(i)
	}
	return mask
}

// SymDiff builds the gradient graph.
func (o *Operator) SymDiff(inputs gorgonia.Nodes, output, grad *Node) (gorgonia.Nodes, error) {
	return Build("differentiating "+o.label, func() gorgonia.Nodes { return o.Differentiate(inputs, output, grad) })
}

// ReturnsPtr, CallsExtern and OverwritesInput describe an operator that always allocates its result in Go memory.
func (o *Operator) ReturnsPtr() bool { return true }

// CallsExtern is false: Eval is plain Go.
func (o *Operator) CallsExtern() bool { return false }

// OverwritesInput is -1: no input is overwritten.
func (o *Operator) OverwritesInput() int { return -1 }

// String is the label.
func (o *Operator) String() string { return o.label }

// WriteHash distinguishes operators by label and shapes: Gorgonia merges nodes of equal hash.
func (o *Operator) WriteHash(h hash.Hash) { fmt.Fprint(h, o.label, o.in, o.out) }

// Hashcode is the hash of WriteHash.
func (o *Operator) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// sameShape is embedded by operators whose output has the shape of their first input.
type sameShape struct{}

func (sameShape) Shape(in []tensor.Shape) (tensor.Shape, error) { return in[0], nil }

// noGradient is embedded by operators that appear only inside gradients: ptyx differentiates once.
type noGradient struct{}

func (noGradient) Constant(int) bool { return true }

func (noGradient) Differentiate([]*Node, *Node, *Node) []*Node {
	Fail("has no gradient of its own")
	return nil
}
