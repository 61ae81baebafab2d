package ops

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/onnxir"
)

// Lower writes the ONNX nodes that compute n from its operands. Besides the operators of this package it knows the one
// that gorgonia.Grad inserts: the sum of gradients that meet at a node.
func Lower(b *onnxir.Builder, n *Node, operands []*Node, call Call) error {
	switch op, ours := n.Op().(*Operator); {
	case ours:
		op.Lower(b, call)
	case isSum(n, operands):
		lowerSum(b, call)
	default:
		return fmt.Errorf("operator %v (%T) has no ONNX form", n.Op(), n.Op())
	}
	return nil
}

// isSum compares n's operator with the one of a sum of like operands: Gorgonia does not export its type.
func isSum(n *Node, operands []*Node) bool {
	if len(operands) != 2 {
		return false
	}
	scratch := gorgonia.NewGraph()
	like := func(x *Node) *Node {
		return gorgonia.NewUniqueNode(gorgonia.In(scratch), gorgonia.WithType(x.Type()),
			gorgonia.WithShape(x.Shape()...))
	}
	sum, err := gorgonia.Add(like(operands[0]), like(operands[1]))
	return err == nil && n.Op() == sum.Op()
}

// lowerSum keeps the sum rows first if both operands are.
func lowerSum(b *onnxir.Builder, c Call) {
	if hasRows(b, c.In[0]) && hasRows(b, c.In[1]) {
		elementwise(b, c, c.In[0], func(output string, in []string) { b.Node("Add", output, in) })
		return
	}
	needAll(b, c.In)
	b.Node("Add", c.Out, c.In)
}
