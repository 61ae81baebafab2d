package variant

import (
	"cmp"
	"fmt"
	"slices"

	"ptyx/internal/graph/onnxir"
)

// simplify makes the graph smaller without changing its results. Operators of constants alone are computed now, equal
// nodes and equal constants become one, identities and unused nodes go. Weights keep their names, so that a training
// can start from the variant.
func simplify(g *onnxir.Graph, named map[string]bool) {
	fold(g, named)
	names := equalConstants(g, named) // of values that others replace
	isOutput, first := outputs(g), map[string]string{}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n *onnxir.Node) bool { // operands come first, so one pass finds all
		for i, in := range n.Inputs {
			n.Inputs[i] = cmp.Or(names[in], in)
		}
		if len(n.Outputs) != 1 || isOutput[n.Outputs[0]] {
			return false
		}
		key := fmt.Sprintf("%s %s %q %+v", n.Domain, n.OpType, n.Inputs, n.Attributes)
		same, ok := first[key]
		if n.OpType == "Identity" && n.Domain == "" {
			same, ok = n.Inputs[0], true
		}
		if ok {
			names[n.Outputs[0]] = same
		} else {
			first[key] = n.Outputs[0]
		}
		return ok
	})
	dropUnused(g)
}

// equalConstants maps constants to the first one that is equal.
func equalConstants(g *onnxir.Graph, named map[string]bool) map[string]string {
	first, names, fixed := map[string]string{}, map[string]string{}, constants(g)
	for _, t := range g.Initializers {
		if named[t.Name] || fixed[t.Name] == nil {
			continue
		}
		key := fmt.Sprint(t.Type, t.Dims, string(t.Raw))
		if name, ok := first[key]; ok {
			names[t.Name] = name
		} else {
			first[key] = t.Name
		}
	}
	return names
}

func outputs(g *onnxir.Graph) map[string]bool {
	names := map[string]bool{}
	for _, o := range g.Outputs {
		names[o.Name] = true
	}
	return names
}

// dropUnused removes nodes and constants that no output depends on, and the shapes of values that are gone.
func dropUnused(g *onnxir.Graph) {
	used := outputs(g)
	var kept []*onnxir.Node
	for _, n := range slices.Backward(g.Nodes) {
		if slices.ContainsFunc(n.Outputs, func(o string) bool { return used[o] }) {
			kept = append(kept, n)
			for _, in := range n.Inputs {
				used[in] = true
			}
		}
	}
	slices.Reverse(kept)
	g.Nodes = kept
	g.Initializers = slices.DeleteFunc(g.Initializers, func(t *onnxir.Tensor) bool { return !used[t.Name] })
	g.ValueInfo = slices.DeleteFunc(g.ValueInfo, func(v onnxir.ValueInfo) bool { return !used[v.Name] })
}
