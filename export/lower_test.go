package export_test

import (
	"bytes"
	"slices"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/models"
)

func TestEqualProgramsGiveEqualBytes(t *testing.T) {
	for _, target := range []onnxir.Target{{}, {Training: true}} {
		want := lower(t, tiny(t), target).Marshal()
		for range 3 {
			if !bytes.Equal(lower(t, tiny(t), target).Marshal(), want) {
				t.Fatalf("%+v: the bytes differ", target)
			}
		}
	}
}

// differentiated is tiny with the gradient of a cost for its input: a training graph.
func differentiated(t *testing.T) *program.Program {
	t.Helper()
	p := tiny(t)
	both := ops.Mul(p.Outputs[0].Node, p.Outputs[1].Node)
	cost := ops.Sum(both)
	grads := program.Gradients(cost, []*gorgonia.Node{p.Inputs[0].Node})
	p.Inputs[0].Batch = ""
	p.Outputs = append(p.Outputs, program.Output{Name: "cost", Node: cost},
		program.Output{Name: "grad", Node: grads[0]})
	return p
}

func TestATrainingGraphGivesEqualBytes(t *testing.T) {
	want := lower(t, differentiated(t), onnxir.Target{Training: true}).Marshal()
	if !bytes.Equal(lower(t, differentiated(t), onnxir.Target{Training: true}).Marshal(), want) {
		t.Error("the bytes differ")
	}
}

// What is known of a shape lets ONNX Runtime hold on to memory: a training step tells nothing that it need not, a
// checkpoint all.
func TestATrainingStepHidesItsShapes(t *testing.T) {
	for _, c := range []struct {
		target onnxir.Target
		hidden bool
	}{{onnxir.Target{Training: true}, true}, {onnxir.Target{}, false}} {
		g := lower(t, differentiated(t), c.target).Graph
		if got := len(g.ValueInfo) == 0; got != c.hidden {
			t.Errorf("%+v: %d shapes of intermediates", c.target, len(g.ValueInfo))
		}
		reshapes := 0
		for _, n := range g.Nodes {
			if n.OpType != "Reshape" {
				continue
			}
			reshapes++
			if got := slices.ContainsFunc(g.Inputs,
				func(in onnxir.ValueInfo) bool { return in.Name == n.Inputs[1] }); got != c.hidden {
				t.Errorf("%+v: %s reshapes to %s, an input: %v", c.target, n.Name, n.Inputs[1], got)
			}
		}
		if reshapes == 0 {
			t.Errorf("%+v: no Reshape to look at", c.target)
		}
	}
}

// checkOrder checks what ONNX asks of a graph: every tensor is made once, and before it is used.
func checkOrder(t *testing.T, g *onnxir.Graph) {
	t.Helper()
	made := map[string]bool{"": true}
	define := func(name string) {
		if made[name] {
			t.Errorf("%q is made twice", name)
		}
		made[name] = true
	}
	for _, in := range g.Inputs {
		define(in.Name)
	}
	for _, tensor := range g.Initializers {
		if i := slices.IndexFunc(g.Inputs, func(in onnxir.ValueInfo) bool { return in.Name == tensor.Name }); i >= 0 {
			continue // an input with a default
		}
		define(tensor.Name)
	}
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			if !made[in] {
				t.Errorf("%s of %v uses %s before it is made", n.OpType, n.Outputs, in)
			}
		}
		for _, out := range n.Outputs {
			define(out)
		}
	}
	for _, out := range g.Outputs {
		if !made[out.Name] {
			t.Errorf("output %s is never made", out.Name)
		}
	}
}

func TestEveryTensorIsMadeOnceAndBeforeItIsUsed(t *testing.T) {
	checkOrder(t, lower(t, tiny(t), onnxir.Target{}).Graph)
	checkOrder(t, lower(t, differentiated(t), onnxir.Target{Training: true}).Graph)
	checkOrder(t, checkpoint(t, network(4, models.Centre)).Graph)
}

func TestContribOperatorsAreDeclared(t *testing.T) {
	standard := []onnxir.Opset{{Version: 17}}
	if got := lower(t, tiny(t), onnxir.Target{}).Opsets; !slices.Equal(got, standard) {
		t.Errorf("a network asks for %v", got)
	}
	if got := lower(t, tiny(t), onnxir.Target{Training: true}).Opsets; len(got) != 2 ||
		got[1].Domain != "com.microsoft" {
		t.Errorf("a training step asks for %v", got)
	}
}

// A result that is delivered twice, an input that is delivered as it is, and names that are wished for twice.
func TestOutputsMayRepeatAResultOrAnInput(t *testing.T) {
	g := gorgonia.NewGraph()
	x := program.Leaf(g, "x", 1, 1, 4, 4)
	y := ops.ReLU(x)
	p := &program.Program{Name: "copies", Inputs: []program.Input{{Name: "x", Node: x, Batch: program.Batch}},
		Outputs: []program.Output{{Name: "first", Node: y}, {Name: "second", Node: y}, {Name: "same", Node: x}},
		Names:   program.Names{y: "x"}}
	m := lower(t, p, onnxir.Target{})
	checkOrder(t, m.Graph)
	in := ndarray.Wrap([]float32{-1, 2, -3, 4, 5, -6, 7, -8, 9, -1, 2, -3, 4, -5, 6, -7}, 1, 1, 4, 4)
	got, want := onORT(t, m.Marshal(), 3, in), onTape(t, p, in)
	for i, out := range p.Outputs {
		if !slices.Equal(got[i].Data, want[i].Data) {
			t.Errorf("%s is %v, want %v", out.Name, got[i].Data, want[i].Data)
		}
	}
}

func TestNodesWithoutAnONNXFormAreRefused(t *testing.T) {
	g := gorgonia.NewGraph()
	x, unbound := program.Leaf(g, "x", 2), program.Leaf(g, "unbound", 2)
	foreign, err := gorgonia.Cube(x)
	if err != nil {
		t.Fatal(err)
	}
	sum := ops.Add(x, unbound)
	for _, c := range []struct {
		name string
		node *gorgonia.Node
		says string
	}{
		{"Gorgonia's own operator", foreign, "lowering broken to ONNX: operator cube"},
		{"a leaf without a value", sum, "leaf unbound is neither an input nor bound to a value"},
	} {
		_, err := export.Lower(&program.Program{Name: "broken", Inputs: []program.Input{{Name: "x", Node: x}},
			Outputs: []program.Output{{Name: "y", Node: c.node}}}, onnxir.Target{})
		wantSentence(t, c.name, err, c.says)
	}
}
