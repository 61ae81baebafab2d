package export_test

import (
	"bytes"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/models"
)

func TestWeightsComeBackBitForBit(t *testing.T) {
	eachNetwork(t, func(t *testing.T, c models.Config) {
		want := weights(c)
		got, err := export.Weights(checkpoint(t, c).Marshal(), c)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d parameters, want %d", len(got), len(want))
		}
		for i, s := range c.Specs() {
			if !ndarray.SameShape(got[i].Shape, s.Shape) || !slices.Equal(got[i].Data, want[i].Data) {
				t.Errorf("%s has changed", s.Name)
			}
		}
	})
}

// agreement is what is promised of inference without ONNX Runtime. Measured is about 1e-6: the rational approximations
// of its tanh and sigmoid, and other orders of summation.
const agreement = 1e-4

func TestARebuiltNetworkAgreesWithONNXRuntime(t *testing.T) {
	eachNetwork(t, func(t *testing.T, c models.Config) {
		model := checkpoint(t, c).Marshal()
		for _, batch := range []int{1, 3} {
			p, err := export.Rebuild(model, batch)
			if err != nil {
				t.Fatal(err)
			}
			inputs := []*ndarray.Float32{testutil.Uniform(uint64(batch), 0, 20, batch, c.Channels, c.N, c.N)}
			if c.TakesProbe() {
				inputs = append(inputs, testutil.Uniform(uint64(batch), -0.5, 0.5, batch, 2))
			}
			got, want := onTape(t, p, inputs...), onORT(t, model, len(p.Outputs), inputs...)
			for i, out := range p.Outputs {
				testutil.CheckClose(t, out.Name, got[i].Data, want[i].Data, agreement)
			}
		}
	})
}

func TestARebuiltNetworkIsTheOriginal(t *testing.T) {
	c := network(1, models.Centre)
	original, err := export.Network(c, weights(c), metadata(c).Probe, 2)
	if err != nil {
		t.Fatal(err)
	}
	rebuilt, err := export.Rebuild(checkpoint(t, c).Marshal(), 2)
	if err != nil {
		t.Fatal(err)
	}
	patterns := testutil.Uniform(9, 0, 20, 2, 1, 64, 64)
	got, want := onTape(t, rebuilt, patterns), onTape(t, original, patterns)
	for i := range want {
		if !slices.Equal(got[i].Data, want[i].Data) { // the same operators on the same numbers
			t.Errorf("%s differs", original.Outputs[i].Name)
		}
	}
}

func TestARebuiltModelIsWrittenBackAsItWas(t *testing.T) {
	want := lower(t, tiny(t), onnxir.Target{})
	p, err := export.Rebuild(want.Marshal(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := lower(t, p, onnxir.Target{})
	describe := func(m *onnxir.Model) (list []string) {
		for _, line := range strings.Split(string(listing(m)), "\n") {
			if strings.HasPrefix(line, "node") || strings.HasPrefix(line, "tensor") ||
				strings.HasPrefix(line, "value") {
				list = append(list, line)
			}
		}
		return list
	}
	if !slices.Equal(describe(got), describe(want)) {
		t.Errorf("written back:\n%s\nread:\n%s", listing(got), listing(want))
	}
}

func TestTheGoldenModelIsStillRead(t *testing.T) {
	model, err := os.ReadFile("testdata/tiny.onnx")
	if err != nil {
		t.Fatal(err)
	}
	p, err := export.Rebuild(model, 2)
	if err != nil {
		t.Fatal(err)
	}
	patterns := testutil.Uniform(10, 0, 4, 2, 1, 4, 4)
	got, want := onTape(t, p, patterns), onORT(t, model, 2, patterns)
	for i, out := range p.Outputs {
		testutil.CheckClose(t, out.Name, got[i].Data, want[i].Data, agreement)
	}
}

// Checkpoints written before the arc tangent became a polynomial hold the operator Atan.
func TestAnOldModelWithAtanIsStillRead(t *testing.T) {
	x := program.Leaf(gorgonia.NewGraph(), "patterns", 1, 1, 8, 8)
	inputs := []program.Input{{Name: "patterns", Node: x, Batch: program.Batch}}
	m := lower(t, &program.Program{Name: "old", Inputs: inputs,
		Outputs: []program.Output{{Name: "angle", Node: ops.Cos(x)}}}, onnxir.Target{})
	m.Graph.Nodes[0].OpType = "Atan" // of the same form as Cos
	model := m.Marshal()
	p, err := export.Rebuild(model, 1)
	if err != nil {
		t.Fatal(err)
	}
	patterns := testutil.Uniform(11, -20, 20, 1, 1, 8, 8)
	want := make([]float32, len(patterns.Data))
	for i, v := range patterns.Data {
		want[i] = float32(math.Atan(float64(v)))
	}
	testutil.CheckClose(t, "tape", onTape(t, p, patterns)[0].Data, want, 1e-6)
	testutil.CheckClose(t, "ONNX Runtime", onORT(t, model, 1, patterns)[0].Data, want, 1e-6)
	for _, n := range lower(t, p, onnxir.Target{}).Graph.Nodes {
		if n.OpType == "Atan" {
			t.Error("Atan is written again, which CUDA cannot run")
		}
	}
}

// refused checks that neither reader takes the bytes.
func refused(t *testing.T, what string, data []byte, says string) {
	t.Helper()
	_, err := export.Rebuild(data, 1)
	wantSentence(t, what+", Rebuild", err, says)
	_, err = export.Weights(data, network(1, models.Full))
	wantSentence(t, what+", Weights", err, "")
}

func TestBytesThatAreNoModelAreRefused(t *testing.T) {
	model := lower(t, tiny(t), onnxir.Target{}).Marshal()
	for what, data := range map[string][]byte{
		"nothing":       nil,
		"text":          []byte("PK\x03\x04 this is a zip file, is it not"),
		"zeros":         make([]byte, 1000),
		"0xff":          bytes.Repeat([]byte{0xff}, 1000),
		"twice as long": append(slices.Clone(model), model[:len(model)/2]...),
	} {
		refused(t, what, data, "")
	}
	for cut := range len(model) {
		if _, err := export.Rebuild(model[:cut], 1); err == nil {
			t.Errorf("a model cut off after %d of %d bytes is accepted", cut, len(model))
		}
	}
	refused(t, "cut", model[:len(model)/2], "decoding the ONNX file: ")
}

func TestAnotherNetworksWeightsAreRefused(t *testing.T) {
	model := checkpoint(t, network(1, models.Centre)).Marshal()
	for _, c := range []struct {
		name   string
		config models.Config
		says   string
	}{
		{"more blocks", network(1, models.Full),
			"the model has no parameter amplitude.2.conv.0.weight: it is another network"},
		{"more channels", network(4, models.Centre),
			"parameter encoder.0.conv.0.weight has shape [32 1 3 3], expected [32 4 3 3]: it is another network"},
		{"no network", models.Config{N: 100}, "channels: found 0, expected 1 to 256"},
	} {
		_, err := export.Weights(model, c.config)
		wantSentence(t, c.name, err, c.says)
	}
}

// bend changes the first node of a type.
func bend(opType string, change func(*onnxir.Node)) func(*onnxir.Model) {
	return func(m *onnxir.Model) {
		for _, n := range m.Graph.Nodes {
			if n.OpType == opType {
				change(n)
				return
			}
		}
		panic("no operator " + opType)
	}
}

func attribute(name string, value onnxir.Attribute) func(*onnxir.Node) {
	return func(n *onnxir.Node) {
		for i, a := range n.Attributes {
			if a.Name == name {
				n.Attributes[i] = value
				return
			}
		}
		n.Attributes = append(n.Attributes, value)
	}
}

// Models that ONNX Runtime may well run, and that ptyx did not write: each differs from a checkpoint in one thing,
// which must not be passed over.
func TestForeignModelsAreRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		bend func(*onnxir.Model)
		says string
	}{
		{"another operator", bend("Tanh", func(n *onnxir.Node) { n.OpType = "Gelu" }),
			`operator "Gelu": is not one that a model may use`},
		{"another domain", bend("Tanh", func(n *onnxir.Node) { n.Domain = "ai.example" }),
			`operator "Tanh": is of the domain "ai.example"`},
		{"an old opset", func(m *onnxir.Model) { m.Opsets[0].Version = 11 }, "opset [11], expected 17"},
		{"no opset", func(m *onnxir.Model) { m.Opsets = nil }, "opset [], expected 17"},
		{"a flat input", func(m *onnxir.Model) { m.Graph.Inputs[0].Dims = m.Graph.Inputs[0].Dims[:2] },
			"input patterns has shape [batch 1]"},
		{"a symbolic size", func(m *onnxir.Model) { m.Graph.Inputs[0].Dims[3].Param = "width" },
			"input patterns has shape [batch 1 4 width]"},
		{"an impossible size",
			func(m *onnxir.Model) { m.Graph.Inputs[0].Dims[2].Value, m.Graph.Inputs[0].Dims[3].Value = 1<<40, 1<<40 },
			"input patterns has shape"},
		{"an input of doubles", func(m *onnxir.Model) { m.Graph.Inputs[0].Type = onnxir.Double }, "ONNX type 11"},
		{"no input", func(m *onnxir.Model) { m.Graph.Inputs = nil }, "has 0 inputs and 2 outputs"},
		{"no output", func(m *onnxir.Model) { m.Graph.Outputs = nil }, "has 1 inputs and 0 outputs"},
		{"an output that nobody makes", func(m *onnxir.Model) { m.Graph.Outputs[0].Name = "other" },
			`output "other": is made by no operator`},
		{"a result of an impossible size", func(m *onnxir.Model) { m.Graph.ValueInfo[0].Dims[3].Value = 1 << 40 },
			"has the impossible shape"},
		{"results without end", func(m *onnxir.Model) {
			for range 1 << 10 {
				m.Graph.ValueInfo = append(m.Graph.ValueInfo,
					onnxir.ValueInfo{Name: "large", Type: onnxir.Float, Dims: []onnxir.Dim{{Value: 1 << 19}}})
			}
		}, "hold more than"},
		{"a circle", bend("Relu", func(n *onnxir.Node) { n.Inputs[0] = "active" }), "before it is made"},
		{"a result made twice", bend("Relu", func(n *onnxir.Node) { n.Outputs[0] = "scaled" }),
			"which is there already"},
		{"a name that breaks the line", bend("Relu", func(n *onnxir.Node) { n.Inputs[0] = "no\nsuch" }),
			`uses "no\nsuch" before it is made`},
		{"two results", bend("MaxPool", func(n *onnxir.Node) { n.Outputs = append(n.Outputs, "indices") }),
			"operator MaxPool has 2 outputs"},
		{"a grouped convolution", bend("Conv", attribute("group", onnxir.Int("group", 2))),
			"is not a convolution that keeps the size"},
		{"a strided convolution", bend("Conv", attribute("strides", onnxir.Ints("strides", 2, 2))),
			"is not a convolution that keeps the size"},
		{"a dilated convolution", bend("Conv", attribute("dilations", onnxir.Ints("dilations", 2, 2))),
			"is not a convolution that keeps the size"},
		{"a convolution without padding", bend("Conv", attribute("pads", onnxir.Ints("pads", 0, 0, 0, 0))),
			"is not a convolution that keeps the size"},
		{"automatic padding", bend("Conv", attribute("auto_pad", onnxir.String("auto_pad", "SAME_UPPER"))),
			"is not a convolution that keeps the size"},
		{"a convolution without bias", bend("Conv", func(n *onnxir.Node) { n.Inputs = n.Inputs[:2] }),
			"has no input 2"},
		{"a kernel that is a result", bend("Conv", func(n *onnxir.Node) { n.Inputs[1] = "scaled" }),
			"needs a square kernel"},
		{"a wide pooling", bend("MaxPool", attribute("kernel_shape", onnxir.Ints("kernel_shape", 3, 3))),
			"is not a 2 x 2 pooling"},
		{"a pooling that rounds up", bend("MaxPool", attribute("ceil_mode", onnxir.Int("ceil_mode", 1))),
			"is not a 2 x 2 pooling"},
		{"a pooling without Relu", bend("MaxPool", func(n *onnxir.Node) { n.Inputs[0] = "first" }),
			"has no Relu before it"},
		{"linear upsampling", bend("Resize", attribute("mode", onnxir.String("mode", "linear"))),
			"is not a nearest 2 x 2 upsampling"},
		{"another rounding", bend("Resize", attribute("nearest_mode", onnxir.String("nearest_mode", "ceil"))),
			"is not a nearest 2 x 2 upsampling"},
		{"another grid",
			bend("Resize",
				attribute("coordinate_transformation_mode",
					onnxir.String("coordinate_transformation_mode", "half_pixel"))),
			"is not a nearest 2 x 2 upsampling"},
		{"mirrored margins", bend("Pad", attribute("mode", onnxir.String("mode", "reflect"))),
			"is not a margin of zeros"},
		{"a product with an array", bend("Mul", func(n *onnxir.Node) { n.Inputs[1] = "first.bias" }),
			"do not broadcast"},
		{"weights of doubles", func(m *onnxir.Model) {
			for _, w := range m.Graph.Initializers {
				if w.Name == "first.bias" {
					w.Type, w.Raw = onnxir.Double, append(w.Raw, w.Raw...)
				}
			}
		}, "constant first.bias: is of type float64"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := lower(t, tiny(t), onnxir.Target{})
			c.bend(m)
			refused(t, c.name, m.Marshal(), c.says)
		})
	}
}

// A model that shares nothing with ptyx: y = (a x)^b on a vector, as another exporter would write it.
func TestAnotherProgramsModelIsRefused(t *testing.T) {
	b := onnxir.NewBuilder("main_graph", onnxir.Target{})
	b.Graph.Inputs = []onnxir.ValueInfo{{Name: "x", Type: onnxir.Float, Dims: []onnxir.Dim{{Value: 3}}}}
	b.Graph.Outputs = []onnxir.ValueInfo{{Name: "y", Type: onnxir.Float, Dims: []onnxir.Dim{{Value: 3}}}}
	b.Initializer("a", []float32{1, 2, 3}, 3)
	b.Initializer("b", []float32{4, 5, 6}, 3)
	b.Node("Mul", "ax", []string{"a", "x"})
	b.Node("Pow", "y", []string{"ax", "b"})
	m := onnxir.Model{IRVersion: 8, ProducerName: "another", Opsets: []onnxir.Opset{{Version: 17}}, Graph: b.Graph}
	refused(t, "a line", m.Marshal(), "input x has shape [3]")
	m.Graph.Inputs[0].Dims = []onnxir.Dim{{Param: "n"}, {Value: 1}, {Value: 1}, {Value: 3}}
	refused(t, "a line in four dimensions", m.Marshal(),
		"operator Pow of y is not one that ptyx writes into a checkpoint")
}

// A training step is a model of ptyx, and no network.
func TestATrainingStepIsRefused(t *testing.T) {
	refused(t, "a step", lower(t, differentiated(t), onnxir.Target{Training: true}).Marshal(), "")
}

func FuzzRebuild(f *testing.F) {
	model := lower(f, tiny(f), onnxir.Target{}).Marshal()
	f.Add(model)
	f.Add(model[:len(model)/2])
	f.Add([]byte("not a model"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := export.Rebuild(data, 1)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error is not one line: %q", err)
			}
			return
		}
		if len(p.Inputs) == 0 || len(p.Outputs) == 0 {
			t.Errorf("accepted with %d inputs and %d outputs", len(p.Inputs), len(p.Outputs))
		}
		if len(p.Order()) == 0 {
			t.Error("accepted without a node")
		}
	})
}
