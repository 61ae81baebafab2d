package export

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/owulveryck/onnx-go"
	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/models"
)

// Rebuild reads an ONNX network back into a graph of ptyx's operators, for a batch of the given size: the model then runs
// without ONNX Runtime, and can be differentiated. It understands the operators that a checkpoint consists of.
func Rebuild(data []byte, batch int) (p *program.Program, err error) {
	defer border(&err)
	file, err := decode(data)
	if err != nil {
		return nil, err
	}
	return ops.Build("rebuilding the network", func() *program.Program {
		r := &rebuilder{file: file, graph: gorgonia.NewGraph(), built: map[*fileNode]*gorgonia.Node{}, names: program.Names{}}
		p := &program.Program{Name: "ptyx", Names: r.names}
		for _, in := range file.inputs {
			p.Inputs = append(p.Inputs, program.Input{Name: in.name, Node: r.input(in, batch), Batched: true})
		}
		for _, out := range file.outputs {
			p.Outputs = append(p.Outputs, program.Output{Name: out.name, Node: r.node(out)})
		}
		return p
	})
}

// Weights reads the parameters of a checkpoint, in the order of the configuration's Specs.
func Weights(data []byte, c models.Config) (weights []*ndarray.Float32, err error) {
	defer border(&err)
	if err := c.Validate(); err != nil {
		return nil, err
	}
	file, err := decode(data)
	if err != nil {
		return nil, err
	}
	for _, s := range c.Specs() {
		n, ok := file.byName(s.Name)
		if !ok || !n.constant {
			return nil, fmt.Errorf("the model has no parameter %s: it is another network", s.Name)
		}
		a, err := n.floats()
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", s.Name, err)
		}
		if !ndarray.SameShape(a.Shape, s.Shape) {
			return nil, fmt.Errorf("parameter %s has shape %v, expected %v: it is another network", s.Name, a.Shape, s.Shape)
		}
		weights = append(weights, a)
	}
	return weights, nil
}

// border is where a reader of foreign bytes ends: onnx-go and the graph's builders trust their input, so what they panic
// with is an error here; and names of the file in an error cannot break its line.
func border(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("decoding the ONNX file: %v", r)
	}
	if *err != nil && strings.ContainsFunc((*err).Error(), unicode.IsControl) {
		*err = errors.New(strings.Join(strings.FieldsFunc((*err).Error(), unicode.IsControl), " "))
	}
}

// decode checks a file and runs onnx-go's decoder over our backend.
func decode(data []byte) (*modelFile, error) {
	checked, err := onnxir.Unmarshal(data)
	if err != nil {
		return nil, fmt.Errorf("decoding the ONNX file: %w", err)
	}
	if err := check(checked); err != nil {
		return nil, err
	}
	backend := newBackend()
	model := onnx.NewModel(backend)
	if err := model.UnmarshalBinary(withoutShapes(checked).Marshal()); err != nil {
		return nil, fmt.Errorf("decoding the ONNX file: %w", err)
	}
	return backend.file(model, checked)
}

// withoutShapes leaves out the shapes of results: onnx-go would allocate a tensor for each of them.
func withoutShapes(m *onnxir.Model) *onnxir.Model {
	bare, graph := *m, *m.Graph
	graph.ValueInfo = nil
	graph.Outputs = make([]onnxir.ValueInfo, len(m.Graph.Outputs))
	for i, out := range m.Graph.Outputs {
		graph.Outputs[i] = onnxir.ValueInfo{Name: out.Name, Type: out.Type}
	}
	bare.Graph = &graph
	return &bare
}

// rebuilder translates file nodes to graph nodes, each once.
type rebuilder struct {
	file  *modelFile
	graph *gorgonia.ExprGraph
	built map[*fileNode]*gorgonia.Node
	names program.Names
}

// input makes the leaf of a model input (batch, C, N, N).
func (r *rebuilder) input(in *fileNode, batch int) *gorgonia.Node {
	shape := []int{batch}
	for _, d := range in.dims[1:] {
		shape = append(shape, int(d.Value))
	}
	leaf := program.Leaf(r.graph, in.name, shape...)
	r.built[in] = leaf
	return leaf
}

// node is the graph node of a file node: a constant, or its operator applied to its operands.
func (r *rebuilder) node(f *fileNode) *gorgonia.Node {
	n, ok := r.built[f]
	if !ok {
		n = r.build(f)
		r.built[f], r.names[n] = n, f.name
	}
	return n
}

func (r *rebuilder) build(f *fileNode) *gorgonia.Node {
	if f.constant {
		a, err := f.floats()
		if err != nil {
			ops.Fail("constant %s: %w", f.name, err)
		}
		return program.Constant(r.graph, f.name, a)
	}
	if f.op == nil {
		ops.Fail("%q is needed and not given", f.name)
	}
	translate, ok := translatorOf(f.op.Name)
	if !ok {
		ops.Fail("operator %s of %s is not one that ptyx writes into a checkpoint", f.op.Name, f.name)
	}
	return ops.Must(ops.Build(f.op.Name+" "+f.name, func() *gorgonia.Node { return translate(r, f) }))
}
