package export

import (
	"fmt"
	"slices"

	"ptyx/internal/graph/onnxir"
)

const (
	// maxInput is the most values of an input of one sample: a thousand times what the largest network takes.
	maxInput = 1 << 26
	// maxDeclared is the most values of all shapes that a file declares: onnx-go makes an array for each.
	maxDeclared = 1 << 28
)

// check refuses a model that is not of a checkpoint's form: standard operators of one output each, in an order in which
// each operand is there before it is used, and inputs (batch, C, N, N). What follows may then walk the graph without
// fear of cycles, and allocate what its shapes say.
func check(m *onnxir.Model) error {
	if !slices.Contains(m.Opsets, onnxir.Opset{Version: opsetVersion}) {
		return fmt.Errorf("the model is of opset %v, expected %d", opsets(m), opsetVersion)
	}
	defined := map[string]bool{"": true} // an operand that is not given
	for _, t := range m.Graph.Initializers {
		defined[t.Name] = true
	}
	for _, in := range m.Graph.Inputs {
		if err := checkInput(in); err != nil {
			return err
		}
		defined[in.Name] = true
	}
	for _, n := range m.Graph.Nodes {
		if err := checkNode(n, defined); err != nil {
			return err
		}
		defined[n.Outputs[0]] = true
	}
	for _, out := range m.Graph.Outputs {
		if out.Name == "" || !defined[out.Name] {
			return fmt.Errorf("output %q is made by no operator", out.Name)
		}
	}
	return nil
}

// opsets are the versions of the standard operators that a model asks for: one, in a sound file.
func opsets(m *onnxir.Model) []int64 {
	var versions []int64
	for _, o := range m.Opsets {
		if o.Domain == "" {
			versions = append(versions, o.Version)
		}
	}
	return versions
}

func checkNode(n *onnxir.Node, defined map[string]bool) error {
	if n.Domain != "" {
		return fmt.Errorf("operator %s is of domain %s, expected the standard one", n.OpType, n.Domain)
	}
	if len(n.Outputs) != 1 {
		return fmt.Errorf("operator %s has %d outputs, expected 1", n.OpType, len(n.Outputs))
	}
	for _, in := range n.Inputs {
		if !defined[in] {
			return fmt.Errorf("operator %s of %s uses %s before it is made", n.OpType, n.Outputs[0], in)
		}
	}
	if defined[n.Outputs[0]] {
		return fmt.Errorf("operator %s makes %q, which is there already", n.OpType, n.Outputs[0])
	}
	return nil
}

func checkInput(in onnxir.ValueInfo) error {
	ok := len(in.Dims) == 4 && in.Type == onnxir.Float
	size := int64(1)
	for i, d := range in.Dims {
		if i == 0 { // the batch, symbolic in a checkpoint
			continue
		}
		ok = ok && d.Param == "" && d.Value >= 1 && d.Value <= maxInput/size
		if ok {
			size *= d.Value
		}
	}
	if !ok {
		return fmt.Errorf("input %s has shape %v and ONNX type %d, expected float (batch, C, N, N)", in.Name, in.Dims,
			in.Type)
	}
	return nil
}

// checkDeclared bounds the memory that onnx-go takes for the declared shapes, of one sample.
func checkDeclared(g *onnxir.Graph) error {
	total := int64(0)
	for _, v := range slices.Concat(g.Inputs, g.Outputs, g.ValueInfo) {
		size := int64(1)
		for _, d := range v.Dims {
			switch {
			case d.Param != "" || d.Value == onnxir.Unknown:
			case d.Value < 0 || d.Value > 0 && size > maxDeclared/d.Value:
				return fmt.Errorf("value %.64q has an impossible shape", v.Name)
			default:
				size *= d.Value
			}
		}
		if total += size; total > maxDeclared {
			return fmt.Errorf("the values of one sample hold more than %d numbers", int64(maxDeclared))
		}
	}
	return nil
}
