// Package export writes Gorgonia graphs as ONNX models and reads them back. Lower writes any Program: a network, or a
// whole training step with its gradients. Checkpoint writes a trained network with its data contract. Rebuild reads a
// checkpoint back as a graph, Weights its parameters. The package is pure Go and does not run models: package runtime
// does. export/variant rewrites a checkpoint for other consumers.
package export

import (
	"fmt"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/models"
)

// Program is a graph with its inputs, outputs and names.
type Program = program.Program

// Input is a leaf of a Program that is fed.
type Input = program.Input

// Output is a node of a Program that is delivered.
type Output = program.Output

// Model is an ONNX file. Its method Marshal gives the bytes.
type Model = onnxir.Model

// Target is what may run a model: any runtime, or training on ONNX Runtime.
type Target = onnxir.Target

// Contract is the metadata of a checkpoint; docs/contract.md explains it.
type Contract = contract.Contract

// The versions that every model of ptyx declares. Opset 17 and IR 8 are read by ONNX Runtime since 1.12.
const (
	irVersion    = 8
	opsetVersion = 17
)

// Lower writes a program as an ONNX model. It knows the operators of ptyx, which Network, trainer.NewStep and Rebuild
// use. Equal programs give equal bytes.
func Lower(p *Program, target Target) (*Model, error) {
	l := lowering{
		program: p,
		builder: onnxir.NewBuilder(p.Name, target),
		names:   map[*gorgonia.Node]string{},
		batched: map[*gorgonia.Node]string{},
		taken:   map[string]bool{},
	}
	if err := l.run(); err != nil {
		return nil, fmt.Errorf("lowering %s to ONNX: %w", p.Name, err)
	}
	l.builder.Graph.Doc = p.Doc
	model := &onnxir.Model{
		IRVersion: irVersion,
		Opsets:    []onnxir.Opset{{Version: opsetVersion}},
		Graph:     l.builder.Graph,
	}
	if target.Training {
		model.Opsets = append(model.Opsets, onnxir.Opset{Domain: "com.microsoft", Version: 1})
	}
	return model, nil
}

type lowering struct {
	program *program.Program
	builder *onnxir.Builder
	names   map[*gorgonia.Node]string // tensor name of each node so far
	batched map[*gorgonia.Node]string // name of the symbolic first dimension
	taken   map[string]bool
	serial  int
}

func (l *lowering) run() error {
	for _, in := range l.program.Inputs {
		l.name(in.Node, in.Name)
		l.batched[in.Node] = in.Batch
		if in.Default != nil {
			l.builder.Initializer(in.Name, in.Default.Data, in.Default.Shape...)
		}
		l.builder.Graph.Inputs = append(l.builder.Graph.Inputs, l.info(in.Node, in.Doc))
	}
	for _, out := range l.program.Outputs {
		l.taken[out.Name] = true
	}
	for _, out := range l.program.Outputs {
		if _, named := l.names[out.Node]; !named {
			l.names[out.Node] = out.Name
		}
	}
	for _, n := range l.program.Order() {
		if err := l.node(n); err != nil {
			return err
		}
	}
	for _, out := range l.program.Outputs {
		l.output(out)
	}
	l.builder.Graph.Inputs = append(l.builder.Graph.Inputs, l.builder.Defaults()...)
	if l.builder.Target().Training {
		l.builder.Graph.ValueInfo = nil // see onnxir.Builder.Shape
	}
	l.builder.Graph.ValueInfo = slices.DeleteFunc(l.builder.Graph.ValueInfo,
		func(v onnxir.ValueInfo) bool { return l.builder.Deferred(v.Name) })
	return nil
}

// node lowers one node: an input (done), a constant, or an operator.
func (l *lowering) node(n *gorgonia.Node) error {
	if n.Op() == nil && l.names[n] != "" {
		return nil
	}
	if value := constantValue(n); value != nil {
		array, err := ops.FromValue(value)
		if err != nil {
			return fmt.Errorf("constant %s: %w", n.Name(), err)
		}
		l.name(n, l.program.Names[n])
		l.builder.Initializer(l.names[n], array.Data, array.Shape...)
		return nil
	}
	if n.Op() == nil {
		return fmt.Errorf("leaf %s is neither an input nor bound to a value", n.Name())
	}
	return l.operator(n)
}

func (l *lowering) operator(n *gorgonia.Node) error {
	call := ops.Call{OutShape: n.Shape()}
	operands := program.Operands(n)
	for _, in := range operands {
		call.In = append(call.In, l.names[in])
		call.InShapes = append(call.InShapes, in.Shape())
		l.batched[n] = joined(l.batched[n], l.batched[in])
	}
	if l.names[n] == "" {
		l.name(n, l.program.Names[n])
	}
	call.Out = l.names[n]
	l.builder.Scope(l.names[n])
	if err := ops.Lower(l.builder, n, operands, call); err != nil {
		return err
	}
	l.builder.Graph.ValueInfo = append(l.builder.Graph.ValueInfo, l.info(n, ""))
	return nil
}

// probesAtOffsets names a first dimension that is the larger of that of the probes and that of the offsets.
const probesAtOffsets = "probes_at_offsets"

// joined names the first dimension of an operator's result by those of two operands: the batch, if one has it, because
// all others are 1 or the batch.
func joined(a, b string) string {
	switch {
	case a == b || b == "":
		return a
	case a == "":
		return b
	case a == program.Batch || b == program.Batch:
		return program.Batch
	}
	return probesAtOffsets
}

// output declares a program output. A node that is delivered twice, or is itself an input, is copied by Identity.
func (l *lowering) output(out program.Output) {
	l.builder.Need(l.names[out.Node])
	if l.names[out.Node] != out.Name {
		l.builder.Scope(out.Name)
		l.builder.Node("Identity", out.Name, []string{l.names[out.Node]})
	}
	info := l.info(out.Node, out.Doc)
	info.Name = out.Name
	l.builder.Graph.Outputs = append(l.builder.Graph.Outputs, info)
	l.builder.Graph.ValueInfo = slices.DeleteFunc(l.builder.Graph.ValueInfo,
		func(v onnxir.ValueInfo) bool { return v.Name == out.Name })
}

// name gives a node a tensor name that is not taken. Without a proposal it consists of the operator and a number.
func (l *lowering) name(n *gorgonia.Node, proposal string) {
	if proposal == "" {
		kind := "constant"
		if n.Op() != nil {
			kind, _, _ = strings.Cut(strings.ToLower(n.Op().String()), "{")
			kind, _, _ = strings.Cut(kind, "[")
			kind = strings.Map(identifier, kind)
		}
		proposal = fmt.Sprintf("%s_%d", kind, l.serial)
		l.serial++
	}
	name := proposal
	for i := 1; l.taken[name]; i++ {
		name = fmt.Sprintf("%s_%d", proposal, i)
	}
	l.taken[name] = true
	l.names[n] = name
}

func identifier(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
		return r
	}
	return -1
}

func (l *lowering) info(n *gorgonia.Node, doc string) onnxir.ValueInfo {
	info := onnxir.ValueInfo{Name: l.names[n], Type: onnxir.Float, Dims: []onnxir.Dim{}, Doc: doc}
	for i, d := range n.Shape() {
		dim := onnxir.Dim{Value: int64(d)}
		if i == 0 && l.batched[n] != "" {
			dim = onnxir.Dim{Param: l.batched[n]}
		}
		info.Dims = append(info.Dims, dim)
	}
	return info
}

// constantValue is the value of a bound leaf or of one of Gorgonia's constants (the 1 that a gradient starts from).
func constantValue(n *gorgonia.Node) gorgonia.Value {
	if c, ok := n.Op().(interface{ Value() gorgonia.Value }); ok {
		return c.Value()
	}
	if n.Op() == nil {
		return n.Value()
	}
	return nil
}

// Arrays allocates one array for each of a program's outputs.
func Arrays(p *Program) []*models.Array {
	out := make([]*models.Array, len(p.Outputs))
	for i, o := range p.Outputs {
		out[i] = ndarray.New[float32](o.Node.Shape()...)
	}
	return out
}
