package export

import (
	"fmt"
	"slices"

	"github.com/owulveryck/onnx-go"
	gonum "gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
)

// backend receives a model from onnx-go's decoder: a directed graph whose edges point from a node to its inputs, weighted
// by the input's position.
type backend struct {
	*simple.WeightedDirectedGraph
	nodes []*fileNode
}

func newBackend() *backend {
	return &backend{WeightedDirectedGraph: simple.NewWeightedDirectedGraph(0, 0)}
}

// fileNode is a tensor of the file: a constant with its values, an input, or the output of an operator.
type fileNode struct {
	gonum.Node
	name   string
	tensor *tensor.Dense
	op     *onnx.Operation

	constant bool         // tensor holds values of the file
	dims     []onnxir.Dim // of an input
	inputs   []string     // of its operator, in order
}

// NewNode, SetName, SetTensor and ApplyOperation are what onnx-go calls.
func (b *backend) NewNode() gonum.Node {
	n := &fileNode{Node: b.WeightedDirectedGraph.NewNode()}
	b.nodes = append(b.nodes, n)
	return n
}

// SetName names the tensor.
func (n *fileNode) SetName(name string) { n.name = name }

// GetName is its name.
func (n *fileNode) GetName() string { return n.name }

// SetTensor gives a constant its values, and an input its shape.
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

// ApplyOperation records the operator of its only output.
func (b *backend) ApplyOperation(op onnx.Operation, outputs ...gonum.Node) error {
	if len(outputs) != 1 {
		return fmt.Errorf("operator %s has %d outputs, expected 1", op.Name, len(outputs))
	}
	outputs[0].(*fileNode).op = &op
	return nil
}

// modelFile is a decoded model.
type modelFile struct {
	backend         *backend
	inputs, outputs []*fileNode
}

// file joins what onnx-go decoded with what it leaves out: which tensors are constants, the symbolic dimensions, and the inputs of an
// operator in order, of which its graph loses one when an operator takes the same tensor twice.
func (b *backend) file(m *onnx.Model, checked *onnxir.Model) (*modelFile, error) {
	f := &modelFile{backend: b}
	constants, dims := map[string]bool{}, map[string][]onnxir.Dim{}
	for _, t := range checked.Graph.Initializers {
		constants[t.Name] = true
	}
	for _, in := range checked.Graph.Inputs {
		dims[in.Name] = in.Dims
	}
	inputs := map[string][]string{}
	for _, n := range checked.Graph.Nodes {
		for _, out := range n.Outputs {
			inputs[out] = n.Inputs
		}
	}
	for _, n := range b.nodes {
		n.constant = constants[n.name] && n.tensor != nil
		n.inputs = inputs[n.name]
	}
	for _, id := range m.Input {
		in := b.Node(id).(*fileNode)
		in.dims = dims[in.name]
		f.inputs = append(f.inputs, in)
	}
	for _, id := range m.Output {
		f.outputs = append(f.outputs, b.Node(id).(*fileNode))
	}
	if len(f.inputs) == 0 || len(f.outputs) == 0 {
		return nil, fmt.Errorf("the model has %d inputs and %d outputs", len(f.inputs), len(f.outputs))
	}
	return f, nil
}

func (f *modelFile) byName(name string) (*fileNode, bool) {
	for _, n := range f.backend.nodes {
		if n.name == name {
			return n, true
		}
	}
	return nil, false
}

// operand is input i of an operator.
func (f *modelFile) operand(n *fileNode, i int) *fileNode {
	if i < len(n.inputs) {
		if in, ok := f.byName(n.inputs[i]); ok {
			return in
		}
	}
	ops.Fail("has no input %d", i)
	return nil
}

// constant is the values of input i, which must be a constant.
func (f *modelFile) constant(n *fileNode, i int) []float64 {
	in := f.operand(n, i)
	n.require(in.constant, fmt.Sprintf("input %d is not a constant", i))
	return in.numbers()
}

// numbers is the values of a constant of any type that a checkpoint has.
func (n *fileNode) numbers() []float64 {
	switch data := n.tensor.Data().(type) {
	case []float32:
		return widen(data)
	case []int64:
		return widen(data)
	case float32:
		return []float64{float64(data)}
	case int64:
		return []float64{float64(data)}
	}
	ops.Fail("constant %s is of type %v", n.name, n.tensor.Dtype())
	return nil
}

func widen[T float32 | int64](data []T) []float64 {
	out := make([]float64, len(data))
	for i, v := range data {
		out[i] = float64(v)
	}
	return out
}

// floats is the values of a constant.
func (n *fileNode) floats() (*ndarray.Float32, error) {
	if n.tensor == nil {
		return nil, fmt.Errorf("has no values")
	}
	data, ok := n.tensor.Data().([]float32)
	if !ok || len(data) != ndarray.Size(n.tensor.Shape()) {
		return nil, fmt.Errorf("is of type %v, expected float32", n.tensor.Dtype())
	}
	return ndarray.Wrap(data, n.tensor.Shape()...), nil
}

// attributes tests that an operator has exactly so many attributes: one more could change its meaning.
func (n *fileNode) attributes(count int) bool { return len(n.op.Attributes) == count }

// ints and is test an attribute.
func (n *fileNode) ints(name string, want ...int64) bool {
	got, ok := n.op.Attributes[name].([]int64)
	return ok && slices.Equal(got, want)
}

func (n *fileNode) is(name string, want any) bool {
	switch w := want.(type) {
	case int:
		return n.op.Attributes[name] == int64(w)
	default:
		return n.op.Attributes[name] == want
	}
}
