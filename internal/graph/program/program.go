// Package program names the parts of a Gorgonia expression graph that the rest of ptyx needs: a Program is a graph with
// its inputs, its constants and its outputs; Order is the sequence in which its nodes are computed, always the same for
// the same graph. models and physics make the graphs, export lowers a Program to ONNX, engine runs it.
package program

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/ops"
)

// Program is a graph that can be compiled. Leaves that are not Inputs are constants and hold a value.
type Program struct {
	Name    string
	Doc     string
	Inputs  []Input  // fed at every run, in this order
	Outputs []Output // delivered by every run, in this order
	Names   Names    // readable names of leaves and of intermediate nodes
}

// Batch names the first dimension of the patterns of a checkpoint, and of everything that has one for each pattern.
const Batch = "batch"

// Input is a leaf that is fed.
type Input struct {
	Name string
	Doc  string
	Node *gorgonia.Node
	// Batch names the first dimension where it is symbolic, in a checkpoint. Empty: all dimensions are fixed.
	Batch string
	// Default is the value where nobody feeds the input; nil: it must be fed.
	Default *ndarray.Float32
}

// Output is a node whose value is delivered.
type Output struct {
	Name string
	Doc  string
	Node *gorgonia.Node
}

// Names maps nodes to readable names ("encoder.0.conv.1.weight"). Nodes without one are numbered.
type Names map[*gorgonia.Node]string

// Leaf adds a leaf of the given shape to g: an input or a parameter.
func Leaf(g *gorgonia.ExprGraph, name string, shape ...int) *gorgonia.Node {
	if len(shape) == 0 {
		return gorgonia.NewScalar(g, tensor.Float32, gorgonia.WithName(name))
	}
	return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
}

// Constant adds a leaf that holds a value, without copying it. Like the operators of package ops it is called inside
// ops.Build.
func Constant(g *gorgonia.ExprGraph, name string, value *ndarray.Float32) *gorgonia.Node {
	n := Leaf(g, name, value.Shape...)
	if before := n.Value(); before != nil && !slices.Equal(before.Data().([]float32), value.Data) {
		ops.Fail("two constants are called %s: Gorgonia takes leaves of one name and shape for one", name)
	}
	if err := gorgonia.Let(n, ops.ToValue(value)); err != nil {
		ops.Fail("constant %s: %w", name, err)
	}
	return n
}

// Order lists every node that the outputs depend on, inputs of a node before the node, in the order in which a
// depth-first walk from the outputs meets them.
func (p *Program) Order() []*gorgonia.Node {
	var order []*gorgonia.Node
	done := map[*gorgonia.Node]bool{}
	var visit func(n *gorgonia.Node)
	visit = func(n *gorgonia.Node) {
		if done[n] {
			return
		}
		done[n] = true
		for _, in := range Operands(n) {
			visit(in)
		}
		order = append(order, n)
	}
	for _, out := range p.Outputs {
		visit(out.Node)
	}
	return order
}

// Operands are the inputs of a node, in the operator's order.
func Operands(n *gorgonia.Node) []*gorgonia.Node {
	if n.Op() == nil {
		return nil
	}
	nodes := n.Graph().From(n.ID())
	var operands []*gorgonia.Node
	for nodes.Next() {
		operands = append(operands, nodes.Node().(*gorgonia.Node))
	}
	return operands
}

// Gradients differentiates a scalar cost with respect to leaves, and returns the gradient nodes in the same order. Like
// the operators of package ops it is called inside ops.Build.
func Gradients(cost *gorgonia.Node, leaves []*gorgonia.Node) []*gorgonia.Node {
	grads, err := gorgonia.Grad(cost, leaves...)
	if err != nil {
		ops.Fail("differentiating the loss: %w", err)
	}
	return grads
}
