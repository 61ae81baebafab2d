package onnxir

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Limits of a model that may be run. The largest that ptyx trains has some 400 nodes, a rank of 6 and images of 256
// pixels.
const (
	MaxBytes     = 1<<31 - 1 // of a file: protobuf's own limit
	maxNodes     = 1 << 14
	maxValues    = 1 << 28 // of a value of declared shape; of float32 1 GiB
	maxSize      = 1 << 20 // of a dimension, or any other number of an attribute
	maxOperands  = 64      // of a node
	maxModelRank = 8
)

// operators are those of the standard domain that a deployed model may use: they compute with numbers alone. Operators
// that run graphs of their own (If, Loop, Scan), make sequences, texts or random numbers, or make a size out of data
// are left out.
var operators = strings.Fields(`
	Abs Add And Atan AveragePool BatchNormalization Cast Ceil Clip Concat Constant Conv ConvTranspose Cos
	DepthToSpace Div Elu Equal Erf Exp Expand Flatten Floor Gemm GlobalAveragePool GlobalMaxPool Greater HardSigmoid
	HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Less Log LogSoftmax MatMul Max MaxPool
	Mean Min Mul Neg Not Or PRelu Pad Pow Reciprocal ReduceMax ReduceMean ReduceMin ReduceSum Relu Reshape Resize
	Round Selu Shape Sigmoid Sign Sin Slice Softmax Softplus SpaceToDepth Split Sqrt Squeeze Sub Sum Tan Tanh
	Transpose Unsqueeze Where`)

// Admit refuses, with a *FormatError, a foreign model that must not be handed to a runtime: operators of other domains
// and those that run graphs, functions or text, values used before they are made, cycles, numbers that no such model
// needs. Hand over the bytes of Marshal, not those of the file: only the parts that Unmarshal read were checked.
func Admit(m *Model) error {
	switch g := m.Graph; {
	case len(g.Nodes) > maxNodes:
		return refuse("graph", "has %d operators, at most %d are taken", len(g.Nodes), maxNodes)
	case len(g.Inputs) == 0 || len(g.Outputs) == 0:
		return refuse("graph", "has %d inputs and %d outputs", len(g.Inputs), len(g.Outputs))
	}
	for _, o := range m.Opsets {
		if o.Domain != "" && o.Domain != "ai.onnx" {
			return refuse("model", "declares operators of the domain %.64q, only standard ones are taken", o.Domain)
		}
	}
	made, err := admitValues(m.Graph)
	if err != nil {
		return err
	}
	constants := map[string]*Tensor{}
	for _, t := range m.Graph.Initializers {
		constants[t.Name] = t
	}
	for _, n := range m.Graph.Nodes {
		if err := admitNode(n, made, constants); err != nil {
			return err
		}
	}
	for _, out := range m.Graph.Outputs {
		if !made[out.Name] {
			return refuse(label("output", out.Name), "is made by no operator")
		}
	}
	return nil
}

// admitValues checks initializers and declared shapes, and returns the values that exist before the first operator.
func admitValues(g *Graph) (made map[string]bool, err error) {
	made = map[string]bool{}
	for _, t := range g.Initializers {
		if err := t.admit(); err != nil {
			return nil, err
		}
		if t.Name == "" || made[t.Name] {
			return nil, t.fault("has no name of its own")
		}
		made[t.Name] = true
	}
	given := map[string]bool{}
	for _, v := range g.Inputs {
		if v.Name == "" || given[v.Name] {
			return nil, refuse(label("input", v.Name), "has no name of its own")
		}
		given[v.Name], made[v.Name] = true, true
	}
	for _, v := range slices.Concat(g.Inputs, g.Outputs, g.ValueInfo) {
		if err := v.admit(); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// admit refuses a shape that no model has.
func (v ValueInfo) admit() error {
	fault := refuse(label("value", v.Name), "has the impossible shape %.200s", fmt.Sprint(v.Dims))
	if len(v.Dims) > maxModelRank {
		return fault
	}
	size := int64(1)
	for _, d := range v.Dims {
		if d.Param != "" || d.Value == Unknown {
			continue
		}
		if d.Value < 0 || d.Value > maxSize {
			return fault
		}
		if size *= max(1, d.Value); size > maxValues {
			return fault
		}
	}
	return nil
}

// admit refuses a tensor of an unusual type or rank.
func (t *Tensor) admit() error {
	switch {
	case t.elementSize() == 0:
		return t.fault("is of ONNX type %d, expected numbers", t.Type)
	case len(t.Dims) > maxModelRank:
		return t.fault("has %d dimensions, at most %d are taken", len(t.Dims), maxModelRank)
	}
	return nil
}

func admitNode(n *Node, made map[string]bool, constants map[string]*Tensor) error {
	where := label("operator", n.OpType)
	switch {
	case n.Domain != "" && n.Domain != "ai.onnx":
		return refuse(where, "is of the domain %.64q, only standard ones are taken", n.Domain)
	case !slices.Contains(operators, n.OpType):
		return refuse(where, "is not one that a model may use here")
	case len(n.Inputs) > maxOperands || len(n.Outputs) > maxOperands || len(n.Outputs) == 0:
		return refuse(where, "has %d inputs and %d outputs", len(n.Inputs), len(n.Outputs))
	}
	for _, in := range n.Inputs {
		if in != "" && !made[in] {
			return refuse(where, "uses %.64q before it is made", in)
		}
	}
	for _, out := range n.Outputs {
		if made[out] {
			return refuse(where, "makes %.64q, which is there already", out)
		}
		if out != "" {
			made[out] = true
		}
	}
	for _, a := range n.Attributes {
		if err := a.admit(where); err != nil {
			return err
		}
		if n.OpType == "Constant" && a.Kind == KindTensor {
			constants[n.Outputs[0]] = a.Tensor
		}
	}
	return admitGrowth(n, constants)
}

// admit refuses graphs and whatever else the reader passes over, and numbers out of all proportion.
func (a Attribute) admit(where string) error {
	switch a.Kind {
	case KindFloat, KindString, KindFloats:
	case KindInt, KindInts:
		if len(a.Ints) > maxOperands {
			return refuse(where, "has the attribute %.64q of %d numbers", a.Name, len(a.Ints))
		}
		for _, v := range append(slices.Clone(a.Ints), a.Int) {
			if v < -maxSize || v > maxSize {
				return refuse(where, "has the attribute %.64q of %d", a.Name, v)
			}
		}
	case KindTensor:
		return a.Tensor.admit()
	default:
		return refuse(where, "has the attribute %.64q of kind %d, which may be a graph of its own", a.Name, a.Kind)
	}
	return nil
}

// admitGrowth checks operators whose result is as large as a number in the file: the number must be a constant, and
// sane.
func admitGrowth(n *Node, constants map[string]*Tensor) error {
	var sizes []int // inputs that hold them
	switch n.OpType {
	case "Expand", "Pad":
		sizes = []int{1}
	case "Resize":
		sizes = []int{2, 3}
	}
	for _, i := range sizes {
		if i >= len(n.Inputs) || n.Inputs[i] == "" {
			continue
		}
		t := constants[n.Inputs[i]]
		if t == nil {
			return refuse(label("operator", n.OpType), "takes its size from data, expected a constant")
		}
		if product := t.magnitude(); !(product <= maxValues) {
			return refuse(label("operator", n.OpType), "makes its result %.3g times as large", product)
		}
	}
	return nil
}

// magnitude is the product of the elements of a tensor that are above 1.
func (t *Tensor) magnitude() float64 {
	product := 1.0
	switch t.Type {
	case Int64:
		for raw := t.Raw; len(raw) >= 8; raw = raw[8:] {
			product *= max(1, float64(int64(binary.LittleEndian.Uint64(raw))))
		}
	case Float:
		for raw := t.Raw; len(raw) >= 4; raw = raw[4:] {
			product *= max(1, float64(math.Float32frombits(binary.LittleEndian.Uint32(raw))))
		}
	}
	return product
}
