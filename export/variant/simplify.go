package variant

import (
	"fmt"
	"slices"

	"ptyx/internal/graph/onnxir"
)

// simplify makes the graph smaller without changing what it computes: what depends on constants alone is computed now,
// equal nodes and equal constants become one, identities and what nobody uses go. Weights keep their names, so that a
// training can start from the variant.
func simplify(g *onnxir.Graph, trained map[string]bool) {
	fold(g)
	skipIdentities(g)
	mergeConstants(g, trained)
	mergeNodes(g)
	dropUnused(g)
}

// rename replaces names in all inputs. Names of the graph's outputs are never replaced.
func rename(g *onnxir.Graph, names map[string]string) {
	for _, n := range g.Nodes {
		for i, in := range n.Inputs {
			if to, ok := names[in]; ok {
				n.Inputs[i] = to
			}
		}
	}
}

func outputs(g *onnxir.Graph) map[string]bool {
	names := map[string]bool{}
	for _, o := range g.Outputs {
		names[o.Name] = true
	}
	return names
}

func skipIdentities(g *onnxir.Graph) {
	kept, isOutput := g.Nodes[:0:0], outputs(g)
	names := map[string]string{}
	for _, n := range g.Nodes {
		for i, in := range n.Inputs {
			if to, ok := names[in]; ok {
				n.Inputs[i] = to
			}
		}
		if n.OpType == "Identity" && n.Domain == "" && !isOutput[n.Outputs[0]] {
			names[n.Outputs[0]] = n.Inputs[0]
			continue
		}
		kept = append(kept, n)
	}
	g.Nodes = kept
}

func mergeConstants(g *onnxir.Graph, trained map[string]bool) {
	first, names := map[string]string{}, map[string]string{}
	for _, t := range g.Initializers {
		if trained[t.Name] {
			continue
		}
		key := fmt.Sprint(t.Type, t.Dims, string(t.Raw))
		if name, ok := first[key]; ok {
			names[t.Name] = name
		} else {
			first[key] = t.Name
		}
	}
	rename(g, names)
}

// mergeNodes makes one of nodes that do the same with the same: the operands come first in a graph, so one pass finds
// all.
func mergeNodes(g *onnxir.Graph) {
	kept, isOutput := g.Nodes[:0:0], outputs(g)
	first, names := map[string]string{}, map[string]string{}
	for _, n := range g.Nodes {
		for i, in := range n.Inputs {
			if to, ok := names[in]; ok {
				n.Inputs[i] = to
			}
		}
		if len(n.Outputs) == 1 && !isOutput[n.Outputs[0]] {
			key := fmt.Sprintf("%s %s %q %+v", n.Domain, n.OpType, n.Inputs, n.Attributes)
			if name, ok := first[key]; ok {
				names[n.Outputs[0]] = name
				continue
			}
			first[key] = n.Outputs[0]
		}
		kept = append(kept, n)
	}
	g.Nodes = kept
}

// dropUnused removes nodes and constants that no output depends on, and what is said of values that are gone.
func dropUnused(g *onnxir.Graph) {
	used := outputs(g)
	kept := g.Nodes[:0:0]
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
