package variant

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/x448/float16"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/onnxir"
)

// maxHalf is the largest number of half precision.
const maxHalf = 65504

// halve computes the network's convolutions, and the activations and resampling between them, in float16: nearly all of
// the weights and of the work. What comes before and after stays in float32: the normalisation of raw amplitudes spans
// more than half precision does, and the corrections by the pattern subtract nearly equal numbers. Inputs and outputs
// of the model stay float32.
func halve(g *onnxir.Graph, trained map[string]bool) error {
	h := &halver{graph: g, trained: trained, constants: initializers(g), halves: map[string]string{},
		back: map[string]string{}}
	for _, n := range g.Nodes {
		if err := h.node(n); err != nil {
			return err
		}
	}
	g.Nodes = h.nodes
	for _, out := range g.Outputs {
		h.full(out.Name)
	}
	g.Nodes = h.nodes
	// What value_info says of a type may no longer be so; every reader infers it.
	g.ValueInfo = nil
	dropUnused(g)
	return nil
}

type halver struct {
	graph     *onnxir.Graph
	trained   map[string]bool // constants that are weights
	constants map[string]*onnxir.Tensor
	nodes     []*onnxir.Node
	halves    map[string]string // value -> its name in float16
	back      map[string]string // value made in float16 -> its name in float32, once asked for
}

// node appends a node in the precision that is its own, with casts of what it needs.
func (h *halver) node(n *onnxir.Node) error {
	if len(n.Inputs) == 0 {
		h.nodes = append(h.nodes, n)
		return nil
	}
	_, isHalf := h.halves[n.Inputs[0]]
	switch n.OpType {
	case "Conv":
		// The kernels of ones that lay images side by side are no weights, and what they move is exact.
		if h.trained[n.Inputs[1]] {
			return h.convolution(n)
		}
	case "Relu", "MaxPool", "Resize":
		if isHalf {
			n.Inputs[0] = h.halves[n.Inputs[0]]
			h.made(n)
			return nil
		}
	}
	for i, in := range n.Inputs {
		n.Inputs[i] = h.full(in)
	}
	h.nodes = append(h.nodes, n)
	return nil
}

func (h *halver) convolution(n *onnxir.Node) error {
	for i, in := range n.Inputs {
		switch {
		case in == "":
		case h.constants[in] != nil:
			t, err := h.weight(h.constants[in])
			if err != nil {
				return err
			}
			n.Inputs[i] = t.Name
		default:
			n.Inputs[i] = h.half(in)
		}
	}
	h.made(n)
	return nil
}

// made appends a node whose output is in float16, under a name of its own: the old name is that of the float32 value.
func (h *halver) made(n *onnxir.Node) {
	name := n.Outputs[0]
	n.Outputs[0] = name + "/half"
	h.halves[name] = n.Outputs[0]
	h.nodes = append(h.nodes, n)
}

// half is a value's name in float16.
func (h *halver) half(value string) string {
	if name, ok := h.halves[value]; ok {
		return name
	}
	name := value + "/half"
	h.nodes = append(h.nodes, cast(value, name, onnxir.Float16))
	h.halves[value] = name
	h.back[value] = value // it is there in float32
	return name
}

// full is a value's name in float32.
func (h *halver) full(value string) string {
	half, ok := h.halves[value]
	if !ok || h.back[value] != "" {
		return value
	}
	h.nodes = append(h.nodes, cast(half, value, onnxir.Float))
	h.back[value] = value
	return value
}

func cast(from, to string, t onnxir.DataType) *onnxir.Node {
	return &onnxir.Node{Name: to + "/cast", OpType: "Cast", Inputs: []string{from}, Outputs: []string{to},
		Attributes: []onnxir.Attribute{onnxir.Int("to", int64(t))}}
}

// weight is a constant in float16: a weight under its own name, which convolutions alone use, another one as a copy.
func (h *halver) weight(t *onnxir.Tensor) (*onnxir.Tensor, error) {
	if t.Type == onnxir.Float16 {
		return t, nil
	}
	values, err := t.Floats()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", t.Name, err)
	}
	raw := make([]byte, 2*len(values))
	for i, v := range values {
		if !(math.Abs(float64(v)) <= maxHalf) {
			return nil,
				&badinput.Error{Key: "--fp16", Found: fmt.Sprintf("%v in %s", v, t.Name),
					Expected: fmt.Sprintf("weights up to %d", maxHalf),
					Remedy:   "leave the model in float32"}
		}
		binary.LittleEndian.PutUint16(raw[2*i:], float16.Fromfloat32(v).Bits())
	}
	if h.trained[t.Name] {
		t.Type, t.Raw = onnxir.Float16, raw
		return t, nil
	}
	name := t.Name + "/half"
	if h.constants[name] == nil {
		h.constants[name] = &onnxir.Tensor{Name: name, Type: onnxir.Float16, Dims: t.Dims, Raw: raw}
		h.graph.Initializers = append(h.graph.Initializers, h.constants[name])
	}
	return h.constants[name], nil
}
