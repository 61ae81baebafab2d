package export

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/models"
)

// Rebuild reads an ONNX network back into a graph of ptyx's operators, for a batch of the given size: the model then
// runs without ONNX Runtime, and can be differentiated. It understands the operators that a checkpoint consists of.
func Rebuild(data []byte, batch int) (p *Program, err error) {
	return RebuildWithProbes(data, batch, 0)
}

// RebuildWithProbes is Rebuild with inputs for the probe, (probes, C, N, N), if the network has them. With 0 probes the
// default in the file is a constant.
func RebuildWithProbes(data []byte, batch, probes int) (p *Program, err error) {
	defer recoverDecoding(&err)
	m, err := readCheckpoint(data)
	if err != nil {
		return nil, err
	}
	if err := checkDeclared(m.Graph); err != nil {
		return nil, err
	}
	inputs, outputs, err := decode(data)
	if err != nil {
		return nil, err
	}
	if len(inputs) == 0 || len(outputs) == 0 {
		return nil,
			fmt.Errorf("the model has %d inputs that are not constants and %d outputs", len(inputs), len(outputs))
	}
	return ops.Build("rebuilding the network", func() *program.Program {
		r := &rebuilder{
			graph: gorgonia.NewGraph(), built: map[*fileNode]*gorgonia.Node{}, names: program.Names{},
			fed: map[string]*gorgonia.Node{},
		}
		p := &program.Program{Name: "ptyx", Names: r.names}
		for _, in := range inputs {
			p.Inputs = append(p.Inputs, program.Input{Name: in.name, Node: r.input(in, batch), Batch: program.Batch})
		}
		for _, in := range optionalInputs(m.Graph, batch, probes) {
			in.Node = program.Leaf(r.graph, in.Name, in.Shape...)
			r.fed[in.Name] = in.Node
			p.Inputs = append(p.Inputs, in.Input)
		}
		for _, out := range outputs {
			p.Outputs = append(p.Outputs, program.Output{Name: out.name, Node: r.node(out)})
		}
		return p
	})
}

// optionalInput is an input that has a default in the file, and that the caller may feed.
type optionalInput struct {
	program.Input
	Shape []int
}

// optionalInputs are those that a rebuilt network is fed with, in their order.
func optionalInputs(g *onnxir.Graph, batch, probes int) (list []optionalInput) {
	for _, name := range []string{OffsetName, contract.ProbeReInput, contract.ProbeImInput} {
		i := slices.IndexFunc(g.Inputs, func(v onnxir.ValueInfo) bool { return v.Name == name })
		if i < 0 || name != OffsetName && probes == 0 {
			continue
		}
		shape, symbol := []int{batch}, program.Batch
		if name != OffsetName {
			shape[0], symbol = probes, "probes"
		}
		for _, d := range g.Inputs[i].Dims[1:] {
			shape = append(shape, int(d.Value))
		}
		list = append(list, optionalInput{program.Input{Name: name, Batch: symbol}, shape})
	}
	return list
}

// Weights reads the parameters of a checkpoint, in the order of the configuration's Specs.
func Weights(data []byte, c models.Config) (weights []*models.Array, err error) {
	defer recoverDecoding(&err)
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m, err := readCheckpoint(data)
	if err != nil {
		return nil, err
	}
	byName := map[string]*onnxir.Tensor{}
	for _, t := range m.Graph.Initializers {
		byName[t.Name] = t
	}
	for _, s := range c.Specs() {
		t := byName[s.Name]
		switch {
		case t == nil:
			return nil, fmt.Errorf("the model has no parameter %s: it is another network", s.Name)
		case t.Type != onnxir.Float:
			return nil, fmt.Errorf("parameter %s: is of ONNX type %d, expected float32", s.Name, t.Type)
		}
		shape := make([]int, len(t.Dims))
		for i, d := range t.Dims {
			shape[i] = int(d)
		}
		if !ndarray.SameShape(shape, s.Shape) {
			return nil,
				fmt.Errorf("parameter %s has shape %v, expected %v: it is another network", s.Name, shape, s.Shape)
		}
		values, err := t.Floats()
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", s.Name, err)
		}
		weights = append(weights, ndarray.Wrap(values, shape...))
	}
	return weights, nil
}

// readCheckpoint reads a file and refuses one that does not have the form of a checkpoint.
func readCheckpoint(data []byte) (*onnxir.Model, error) {
	m, err := onnxir.Unmarshal(data)
	if err != nil {
		return nil, fmt.Errorf("decoding the ONNX file: %w", err)
	}
	return m, check(m)
}

// recoverDecoding turns a panic of onnx-go, which trusts its input, into an error. It keeps the error on one line,
// whatever names the file holds.
func recoverDecoding(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("decoding the ONNX file: %v", r)
	}
	if *err != nil && strings.ContainsFunc((*err).Error(), unicode.IsControl) {
		*err = errors.New(strings.Join(strings.FieldsFunc((*err).Error(), unicode.IsControl), " "))
	}
}

// rebuilder translates file nodes to graph nodes, each once.
type rebuilder struct {
	graph *gorgonia.ExprGraph
	built map[*fileNode]*gorgonia.Node
	names program.Names
	fed   map[string]*gorgonia.Node // inputs that have a default in the file, and that the caller may feed
}

// input makes the leaf of a model input (batch, C, N, N). onnx-go gives its shape without a symbolic batch.
func (r *rebuilder) input(in *fileNode, batch int) *gorgonia.Node {
	shape := in.tensor.Shape()
	leaf := program.Leaf(r.graph, in.name, append([]int{batch}, shape[len(shape)-3:]...)...)
	r.built[in], in.tensor = leaf, nil
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
	if fed := r.fed[f.name]; fed != nil {
		return fed
	}
	if f.tensor != nil {
		return program.Constant(r.graph, f.name, f.floats())
	}
	f.require(f.op != nil, "%q is needed and not given", f.name)
	translate, ok := translatorOf(f.op.Name)
	f.require(ok, "operator %s of %s is not one that ptyx writes into a checkpoint", f.op.Name, f.name)
	return ops.Must(ops.Build(f.op.Name+" "+f.name, func() *gorgonia.Node { return translate(r, f) }))
}
