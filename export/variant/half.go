package variant

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/x448/float16"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/onnxir"
)

// maxHalf is the largest number of half precision.
const maxHalf = 65504

// halve computes the network's convolutions, and the activations and resampling between them, in float16: nearly all of
// the weights and of the work. Everything else stays in float32: the normalisation of raw amplitudes spans more than
// half precision does, and the moves towards the pattern subtract nearly equal numbers. Inputs and outputs of the
// model stay float32.
func halve(g *onnxir.Graph, named map[string]bool) error {
	h := &halver{graph: g, named: named, constants: constants(g), half: map[string]string{},
		full: map[string]bool{}}
	for _, n := range g.Nodes {
		if err := h.node(n); err != nil {
			return err
		}
	}
	for _, out := range g.Outputs {
		h.toFull(out.Name)
	}
	g.Nodes = h.nodes
	g.ValueInfo = nil // types have changed; every reader infers them
	dropUnused(g)
	return nil
}

type halver struct {
	graph     *onnxir.Graph
	named     map[string]bool // constants that are weights
	constants map[string]*onnxir.Tensor
	nodes     []*onnxir.Node
	half      map[string]string // a value's name in float16
	full      map[string]bool   // values in half that exist in float32, too
}

// node appends a node in float16 or float32, with casts of its operands.
func (h *halver) node(n *onnxir.Node) error {
	switch {
	case n.OpType == "Conv" && len(n.Inputs) > 1 && h.named[n.Inputs[1]]: // other kernels interleave images, exactly
		return h.convolution(n)
	case slices.Contains([]string{"Relu", "MaxPool", "Resize"}, n.OpType) && len(n.Inputs) > 0 &&
		h.half[n.Inputs[0]] != "":
		n.Inputs[0] = h.half[n.Inputs[0]]
		h.appendHalf(n)
		return nil
	}
	for i, in := range n.Inputs {
		n.Inputs[i] = h.toFull(in)
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
			n.Inputs[i] = h.toHalf(in)
		}
	}
	h.appendHalf(n)
	return nil
}

// appendHalf appends a node whose output is in float16, with a name of its own. The old name is that of the float32
// value.
func (h *halver) appendHalf(n *onnxir.Node) {
	name := n.Outputs[0]
	n.Outputs[0] = name + "/half"
	h.half[name] = n.Outputs[0]
	h.nodes = append(h.nodes, n)
}

// toHalf is a value's name in float16, cast if necessary.
func (h *halver) toHalf(value string) string {
	if h.half[value] == "" {
		h.half[value], h.full[value] = value+"/half", true
		h.nodes = append(h.nodes, cast(value, h.half[value], onnxir.Float16))
	}
	return h.half[value]
}

// toFull is a value's name in float32, cast if necessary.
func (h *halver) toFull(value string) string {
	if half := h.half[value]; half != "" && !h.full[value] {
		h.full[value] = true
		h.nodes = append(h.nodes, cast(half, value, onnxir.Float))
	}
	return value
}

func cast(from, to string, t onnxir.DataType) *onnxir.Node {
	return &onnxir.Node{Name: to + "/cast", OpType: "Cast", Inputs: []string{from}, Outputs: []string{to},
		Attributes: []onnxir.Attribute{onnxir.Int("to", int(t))}}
}

// weight is a constant in float16. Only convolutions use a weight, so it keeps its name; any other constant is copied.
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
			return nil, &badinput.Error{Key: "--fp16", Found: fmt.Sprintf("%v in %s", v, t.Name),
				Expected: fmt.Sprintf("weights up to %d", maxHalf), Remedy: "leave the model in float32"}
		}
		binary.LittleEndian.PutUint16(raw[2*i:], float16.Fromfloat32(v).Bits())
	}
	if h.named[t.Name] {
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
