package engine

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// Tape is the reference engine: Gorgonia's tape machine over the operators' Eval.
type Tape struct{}

// Name is "tape".
func (Tape) Name() string { return "tape" }

// Device is "Go".
func (Tape) Device() string { return "Go" }

// Fallback is empty.
func (Tape) Fallback() string { return "" }

// Replicas is 1: the bindings of a graph share its nodes.
func (Tape) Replicas(int) int { return 1 }

// Compile compiles the part of the graph that the outputs depend on.
func (Tape) Compile(p *program.Program, _ int) (Executable, error) {
	roots := make([]*gorgonia.Node, len(p.Outputs))
	for i, out := range p.Outputs {
		roots[i] = out.Node
	}
	var sub *gorgonia.ExprGraph
	var compileErr error
	func() { // Gorgonia's compiler panics on a graph that it cannot order
		defer func() {
			if r := recover(); r != nil {
				compileErr = fmt.Errorf("compiling %s for the tape machine: %v", p.Name, r)
			}
		}()
		sub = roots[0].Graph().SubgraphRoots(roots...)
		_, _, compileErr = gorgonia.Compile(sub)
	}()
	if compileErr != nil {
		return nil, compileErr
	}
	return &tapeExecutable{program: p, graph: sub}, nil
}

type tapeExecutable struct {
	program *program.Program
	graph   *gorgonia.ExprGraph
}

func (t *tapeExecutable) Bind(inputs, outputs []*ndarray.Float32) (Binding, error) {
	if err := checkArrays(t.program, inputs, outputs); err != nil {
		return nil, err
	}
	return &tapeBinding{t, inputs, outputs, gorgonia.NewTapeMachine(t.graph)}, nil
}

func (t *tapeExecutable) Close() error { return nil }

type tapeBinding struct {
	*tapeExecutable
	inputs, outputs []*ndarray.Float32
	machine         gorgonia.VM
}

func (t *tapeBinding) Run() (err error) {
	defer func() { // operators do not check shapes at run time; a broken one must not end the process
		if r := recover(); r != nil {
			err = fmt.Errorf("running %s on the tape machine: %v", t.program.Name, r)
		}
	}()
	for i, in := range t.program.Inputs {
		if err := gorgonia.Let(in.Node, ops.ToValue(t.inputs[i])); err != nil {
			return fmt.Errorf("feeding %s: %w", in.Name, err)
		}
	}
	t.machine.Reset()
	if err := t.machine.RunAll(); err != nil {
		return fmt.Errorf("running %s on the tape machine: %w", t.program.Name, err)
	}
	for i, out := range t.program.Outputs {
		a, err := ops.FromValue(out.Node.Value())
		if err != nil {
			return fmt.Errorf("output %s: %w", out.Name, err)
		}
		copy(t.outputs[i].Data, a.Data)
	}
	return nil
}

func (t *tapeBinding) Close() error { return t.machine.Close() }

// checkArrays compares arrays with a program's inputs and outputs.
func checkArrays(p *program.Program, inputs, outputs []*ndarray.Float32) error {
	if len(inputs) != len(p.Inputs) || len(outputs) != len(p.Outputs) {
		return fmt.Errorf("%s takes %d inputs and %d outputs, got %d and %d",
			p.Name, len(p.Inputs), len(p.Outputs), len(inputs), len(outputs))
	}
	for i, in := range p.Inputs {
		if !ndarray.SameShape(in.Node.Shape(), inputs[i].Shape) {
			return fmt.Errorf("%s: input %s has shape %v, expected %v", p.Name, in.Name, inputs[i].Shape,
				in.Node.Shape())
		}
	}
	for i, out := range p.Outputs {
		if !ndarray.SameShape(out.Node.Shape(), outputs[i].Shape) {
			return fmt.Errorf("%s: output %s has shape %v, expected %v", p.Name, out.Name, outputs[i].Shape,
				out.Node.Shape())
		}
	}
	return nil
}
