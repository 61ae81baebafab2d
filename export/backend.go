package export

import (
	"fmt"
	"reflect"

	"github.com/owulveryck/onnx-go"
	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/ops"
)

// backend receives a model from onnx-go's decoder. Every tensor of the file becomes a fileNode.
type backend struct{ *simple.WeightedDirectedGraph }

// fileNode is a tensor of the file: a constant, an input, or the result of an operator.
type fileNode struct {
	gonum.Node
	name     string
	tensor   *tensor.Dense   // values of a constant
	op       *onnx.Operation // that makes it; nil for constants and inputs
	operands []*fileNode     // of op, in order
}

// decode lets onnx-go decode a file that check has admitted. It gets the file's own bytes: it is pure Go, and border
// turns its panics into errors.
func decode(data []byte) (inputs, outputs []*fileNode, err error) {
	b := backend{simple.NewWeightedDirectedGraph(0, 0)}
	model := onnx.NewModel(&b)
	if err := model.UnmarshalBinary(data); err != nil {
		return nil, nil, fmt.Errorf("decoding the ONNX file: %w", err)
	}
	nodes := func(ids []int64) (list []*fileNode) {
		for _, id := range ids {
			list = append(list, b.Node(id).(*fileNode))
		}
		return list
	}
	return nodes(model.Input), nodes(model.Output), nil
}

// NewNode, SetWeightedEdge, ApplyOperation, SetName and SetTensor are what onnx-go calls.
func (b *backend) NewNode() gonum.Node { return &fileNode{Node: b.WeightedDirectedGraph.NewNode()} }

// SetWeightedEdge notes the next operand of an operator. A graph would keep one edge of an operator that takes a tensor
// twice.
func (b *backend) SetWeightedEdge(e gonum.WeightedEdge) {
	result := e.From().(*fileNode)
	result.operands = append(result.operands, e.To().(*fileNode))
}

// ApplyOperation notes the operator of its only output, and drops the array that onnx-go made for a declared shape.
func (b *backend) ApplyOperation(op onnx.Operation, outputs ...gonum.Node) error {
	if len(outputs) != 1 {
		return fmt.Errorf("operator %s has %d outputs, expected 1", op.Name, len(outputs))
	}
	n := outputs[0].(*fileNode)
	n.op, n.tensor = &op, nil
	return nil
}

// SetName names the tensor.
func (n *fileNode) SetName(name string) { n.name = name }

// GetName is its name.
func (n *fileNode) GetName() string { return n.name }

// SetTensor gives a constant its values, and any other node an array of its declared shape.
func (n *fileNode) SetTensor(t tensor.Tensor) error {
	dense, ok := t.(*tensor.Dense)
	if !ok {
		return fmt.Errorf("tensor %s is a %T, expected a dense one", n.name, t)
	}
	n.tensor = dense
	return nil
}

// GetTensor is the values of a constant.
func (n *fileNode) GetTensor() tensor.Tensor { return n.tensor }

// require ends the Build around it unless the node has the form that ptyx writes.
func (n *fileNode) require(ok bool, mistake string, args ...any) {
	if !ok {
		ops.Fail(mistake, args...)
	}
}

// operand is input i of the operator.
func (n *fileNode) operand(i int) *fileNode {
	n.require(i < len(n.operands), "has no input %d", i)
	return n.operands[i]
}

// constant is the values of input i, which must be a constant.
func (n *fileNode) constant(i int) []float64 {
	in := n.operand(i)
	n.require(in.tensor != nil, "input %d is not a constant", i)
	return in.numbers()
}

// numbers is the values of a constant of any type that a checkpoint has.
func (n *fileNode) numbers() []float64 {
	switch data := n.tensor.Data().(type) {
	case []float32:
		return widen(data...)
	case []int64:
		return widen(data...)
	case float32:
		return widen(data)
	case int64:
		return widen(data)
	}
	ops.Fail("constant %s is of type %v", n.name, n.tensor.Dtype())
	return nil
}

func widen[T float32 | int64](data ...T) []float64 {
	out := make([]float64, len(data))
	for i, v := range data {
		out[i] = float64(v)
	}
	return out
}

// floats is a constant of float32.
func (n *fileNode) floats() *ndarray.Float32 {
	data, ok := n.tensor.Data().([]float32)
	n.require(ok && len(data) == ndarray.Size(n.tensor.Shape()),
		"constant %s: is of type %v, expected float32", n.name, n.tensor.Dtype())
	return ndarray.Wrap(data, n.tensor.Shape()...)
}

// attributes are those of an operator, as onnx-go gives them.
type attributes map[string]any

// has tests that the operator has these attributes and no other: one more could change its meaning.
func (n *fileNode) has(want attributes) bool {
	return len(n.op.Attributes) == len(want) &&
		(len(want) == 0 || reflect.DeepEqual(n.op.Attributes, map[string]any(want)))
}
