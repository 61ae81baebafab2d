package export

import (
	"fmt"

	"github.com/owulveryck/onnx-go"
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph"
	"ptyx/internal/ndarray"
	"ptyx/models"
)

// Rebuild reads an ONNX network back into a graph of ptyx's operators, for a batch of the given size: the model then runs
// without ONNX Runtime, and can be differentiated. It understands the operators that a checkpoint consists of.
func Rebuild(data []byte, batch int) (*graph.Program, error) {
	file, err := decode(data)
	if err != nil {
		return nil, err
	}
	r := &rebuilder{file: file, graph: gorgonia.NewGraph(), built: map[*fileNode]*gorgonia.Node{}, names: graph.Names{}}
	p := &graph.Program{Name: "ptyx", Names: r.names}
	for _, in := range file.inputs {
		leaf, err := r.input(in, batch)
		if err != nil {
			return nil, err
		}
		p.Inputs = append(p.Inputs, graph.Input{Name: in.name, Node: leaf, Batched: true})
	}
	for _, out := range file.outputs {
		n, err := r.node(out)
		if err != nil {
			return nil, fmt.Errorf("rebuilding the network: %w", err)
		}
		p.Outputs = append(p.Outputs, graph.Output{Name: out.name, Node: n})
	}
	return p, nil
}

// Weights reads the parameters of a checkpoint, in the order of the configuration's Specs.
func Weights(data []byte, c models.Config) ([]*ndarray.Float32, error) {
	file, err := decode(data)
	if err != nil {
		return nil, err
	}
	var weights []*ndarray.Float32
	for _, s := range c.Specs() {
		n, ok := file.byName(s.Name)
		if !ok || n.tensor == nil {
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

// decode runs onnx-go's decoder over our backend. The decoder trusts its input, so a panic of it is an error here.
func decode(data []byte) (file *modelFile, err error) {
	defer func() {
		if r := recover(); r != nil {
			file, err = nil, fmt.Errorf("decoding the ONNX file: %v", r)
		}
	}()
	backend := newBackend()
	model := onnx.NewModel(backend)
	if err := model.UnmarshalBinary(data); err != nil {
		return nil, fmt.Errorf("decoding the ONNX file: %w", err)
	}
	return backend.file(model)
}

// rebuilder translates file nodes to graph nodes, each once.
type rebuilder struct {
	file  *modelFile
	graph *gorgonia.ExprGraph
	built map[*fileNode]*gorgonia.Node
	names graph.Names
}

// input makes the leaf of a model input; its symbolic batch, which onnx-go leaves out of the shape, is put back.
func (r *rebuilder) input(in *fileNode, batch int) (*gorgonia.Node, error) {
	if in.tensor == nil {
		return nil, fmt.Errorf("input %s has no shape", in.name)
	}
	shape := append([]int(nil), in.tensor.Shape()...)
	switch len(shape) {
	case 3:
		shape = append([]int{batch}, shape...)
	case 4:
		shape[0] = batch
	default:
		return nil, fmt.Errorf("input %s has shape %v, expected (batch, C, N, N)", in.name, shape)
	}
	leaf := graph.Leaf(r.graph, in.name, shape...)
	r.built[in] = leaf
	return leaf, nil
}

// node is the graph node of a file node: a constant, or its operator applied to its operands.
func (r *rebuilder) node(f *fileNode) (*gorgonia.Node, error) {
	if n, ok := r.built[f]; ok {
		return n, nil
	}
	n, err := r.build(f)
	if err != nil {
		return nil, err
	}
	r.built[f] = n
	r.names[n] = f.name
	return n, nil
}

func (r *rebuilder) build(f *fileNode) (*gorgonia.Node, error) {
	if f.op == nil {
		a, err := f.floats()
		if err != nil {
			return nil, fmt.Errorf("constant %s: %w", f.name, err)
		}
		return graph.Constant(r.graph, f.name, a)
	}
	translate, ok := translatorOf(f.op.Name)
	if !ok {
		return nil, fmt.Errorf("operator %s of %s is not one that ptyx writes into a checkpoint", f.op.Name, f.name)
	}
	n, err := translate(r, f)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", f.op.Name, f.name, err)
	}
	return n, nil
}
