package onnxir_test

import (
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"ptyx/internal/graph/onnxir"
)

// small is a model that may be run: y = relu(w x).
func small() *onnxir.Model {
	b := onnxir.NewBuilder("small", onnxir.Target{})
	b.Initializer("w", []float32{1, 2}, 2)
	b.Initializer("size", []float32{1, 1, 2, 2}, 4)
	b.Node("Mul", "wx", []string{"w", "x"})
	b.Node("Resize", "large", []string{"wx", "", "size"})
	b.Node("Relu", "y", []string{"large"})
	batch := []onnxir.Dim{{Param: "batch"}, {Value: 1}, {Value: 2}, {Value: 2}}
	b.Graph.Inputs = []onnxir.ValueInfo{{Name: "x", Type: onnxir.Float, Dims: batch}}
	b.Graph.Outputs = []onnxir.ValueInfo{{Name: "y", Type: onnxir.Float, Dims: []onnxir.Dim{{Value: onnxir.Unknown}}}}
	return &onnxir.Model{IRVersion: 8, Opsets: []onnxir.Opset{{Version: 17}}, Graph: b.Graph}
}

// sizes is the tensor of that name.
func sizes(values ...float32) *onnxir.Tensor {
	t := &onnxir.Tensor{Name: "size", Type: onnxir.Float, Dims: []int64{int64(len(values))}}
	for _, v := range values {
		t.Raw = binary.LittleEndian.AppendUint32(t.Raw, math.Float32bits(v))
	}
	return t
}

func TestAdmit(t *testing.T) {
	if err := onnxir.Admit(small()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name   string
		change func(m *onnxir.Model)
		want   string
	}{
		{"another domain", func(m *onnxir.Model) { m.Graph.Nodes[0].Domain = "com.evil" }, `"com.evil", only standard`},
		{"another opset",
			func(m *onnxir.Model) { m.Opsets = append(m.Opsets, onnxir.Opset{Domain: "com.evil", Version: 1}) },
			`"com.evil", only standard`},
		{"control flow", func(m *onnxir.Model) { m.Graph.Nodes[0].OpType = "Loop" }, `"Loop": is not one`},
		{"random numbers", func(m *onnxir.Model) { m.Graph.Nodes[0].OpType = "RandomNormal" }, "is not one"},
		{"a subgraph", func(m *onnxir.Model) {
			m.Graph.Nodes[0].Attributes = []onnxir.Attribute{{Name: "body", Kind: 5}}
		}, "a graph of its own"},
		{"an absurd attribute", func(m *onnxir.Model) {
			m.Graph.Nodes[0].Attributes = []onnxir.Attribute{onnxir.Ints("pads", 1, math.MaxInt64)}
		}, `"pads" of 9223372036854775807`},
		{"a list of numbers without end", func(m *onnxir.Model) {
			m.Graph.Nodes[0].Attributes = []onnxir.Attribute{onnxir.Ints("pads", make([]int, 100)...)}
		}, `"pads" of 100 numbers`},
		{"a cycle", func(m *onnxir.Model) { m.Graph.Nodes[0].Inputs[1] = "y" }, `uses "y" before it is made`},
		{"an operand of nowhere", func(m *onnxir.Model) { m.Graph.Nodes[0].Inputs[1] = "nowhere" }, `uses "nowhere"`},
		{"a value made twice", func(m *onnxir.Model) { m.Graph.Nodes[1].Outputs[0] = "x" }, "which is there already"},
		{"an operator without a result", func(m *onnxir.Model) { m.Graph.Nodes[0].Outputs = nil },
			"2 inputs and 0 outputs"},
		{"an output of nowhere", func(m *onnxir.Model) { m.Graph.Outputs[0].Name = "z" }, "made by no operator"},
		{"no input", func(m *onnxir.Model) { m.Graph.Inputs = nil }, "0 inputs"},
		{"inputs of one name", func(m *onnxir.Model) { m.Graph.Inputs = append(m.Graph.Inputs, m.Graph.Inputs[0]) },
			"no name of its own"},
		{"an absurd shape", func(m *onnxir.Model) { m.Graph.Inputs[0].Dims[2].Value = 1 << 40 }, "impossible shape"},
		{"a shape that overflows", func(m *onnxir.Model) {
			for i := range m.Graph.Inputs[0].Dims {
				m.Graph.Inputs[0].Dims[i] = onnxir.Dim{Value: 1 << 19}
			}
		}, "impossible shape"},
		{"a rank of 9", func(m *onnxir.Model) { m.Graph.Initializers[0].Dims = make([]int64, 9) }, "has 9 dimensions"},
		{"texts", func(m *onnxir.Model) { m.Graph.Initializers[0].Type = 8 }, "expected numbers"},
		{"initializers of one name", func(m *onnxir.Model) { m.Graph.Initializers[1].Name = "w" },
			"no name of its own"},
		{"an image blown up", func(m *onnxir.Model) {
			m.Graph.Initializers[1] = sizes(1, 1, 1e6, 1e6)
		}, "times as large"},
		{"a size of NaN", func(m *onnxir.Model) {
			m.Graph.Initializers[1] = sizes(1, 1, 1, float32(math.NaN()))
		}, "times as large"},
		{"a size out of data", func(m *onnxir.Model) { m.Graph.Nodes[1].Inputs[2] = "x" }, "from data"},
		{"operators without end", func(m *onnxir.Model) {
			m.Graph.Nodes = make([]*onnxir.Node, 1<<14+1)
		}, "16385 operators"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := small()
			tc.change(m)
			err := onnxir.Admit(m)
			var fault *onnxir.FormatError
			if !errors.As(err, &fault) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
		})
	}
}
