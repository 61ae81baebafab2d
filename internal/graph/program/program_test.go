package program_test

import (
	"slices"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

func must(t *testing.T) func(*gorgonia.Node, error) *gorgonia.Node {
	return func(n *gorgonia.Node, err error) *gorgonia.Node {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

// diamond is two paths from a leaf that meet again, and a node that no output needs.
func diamond(t *testing.T) (p *program.Program, order []*gorgonia.Node) {
	t.Helper()
	ok := must(t)
	g := gorgonia.NewGraph()
	a, b := program.Leaf(g, "a", 2, 3), program.Leaf(g, "b", 2, 3)
	left, right := ok(ops.Sin(a)), ok(ops.Mul(a, b))
	ok(ops.Cos(b)) // needed by nobody
	sum := ok(ops.Sub(left, right))
	cost := ok(ops.Sum(sum))
	return &program.Program{Name: "diamond",
			Inputs:  []program.Input{{Name: "a", Node: a}, {Name: "b", Node: b}},
			Outputs: []program.Output{{Name: "sum", Node: sum}, {Name: "cost", Node: cost}}},
		[]*gorgonia.Node{a, left, b, right, sum, cost}
}

func TestOrderIsThatOfTheWalkFromTheOutputs(t *testing.T) {
	p, want := diamond(t)
	for range 3 { // Gorgonia's own order is that of a map
		if got := p.Order(); !slices.Equal(got, want) {
			t.Fatalf("order %v, want %v", got, want)
		}
	}
}

func TestOrderPutsOperandsFirst(t *testing.T) {
	p, _ := diamond(t)
	grads, err := program.Gradients(p.Outputs[1].Node, []*gorgonia.Node{p.Inputs[0].Node, p.Inputs[1].Node})
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range grads {
		p.Outputs = append(p.Outputs, program.Output{Name: p.Inputs[i].Name, Node: n})
	}
	seen := map[*gorgonia.Node]bool{}
	for _, n := range p.Order() {
		if seen[n] {
			t.Errorf("%v comes twice", n)
		}
		for _, in := range program.Operands(n) {
			if !seen[in] {
				t.Errorf("%v comes before its operand %v", n, in)
			}
		}
		seen[n] = true
	}
	for _, out := range p.Outputs {
		if !seen[out.Node] {
			t.Errorf("output %s is missing", out.Name)
		}
	}
}

func TestOperandsKeepTheOperatorsOrder(t *testing.T) {
	ok := must(t)
	g := gorgonia.NewGraph()
	a, b := program.Leaf(g, "a", 2), program.Leaf(g, "b", 2)
	for _, pair := range [][]*gorgonia.Node{{a, b}, {b, a}, {a, a}} {
		n := ok(ops.Sub(pair[0], pair[1]))
		if got := program.Operands(n); !slices.Equal(got, pair) {
			t.Errorf("operands %v, want %v", got, pair)
		}
	}
	if got := program.Operands(a); len(got) != 0 {
		t.Errorf("a leaf has operands %v", got)
	}
}

func TestLeavesAndConstants(t *testing.T) {
	g := gorgonia.NewGraph()
	if s := program.Leaf(g, "scalar").Shape(); !s.IsScalar() {
		t.Errorf("a leaf without dimensions has shape %v", s)
	}
	for _, shape := range [][]int{{5}, {2, 3}, {1, 1, 4, 4}} {
		if got := program.Leaf(g, "leaf", shape...).Shape(); !ndarray.SameShape(got, shape) {
			t.Errorf("shape %v, want %v", got, shape)
		}
		value := ndarray.New[float32](shape...)
		value.Data[0] = 7
		n, err := program.Constant(g, "constant", value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ops.FromValue(n.Value())
		if err != nil {
			t.Fatal(err)
		}
		value.Data[0] = 8 // bound without a copy
		if got.Data[0] != 8 {
			t.Errorf("the constant holds %g, the array %g", got.Data[0], value.Data[0])
		}
	}
}

func TestBindRefusesAnotherShape(t *testing.T) {
	g := gorgonia.NewGraph()
	err := program.Bind(program.Leaf(g, "weight", 2, 3), ndarray.New[float32](3, 2))
	if err == nil || !strings.Contains(err.Error(), "binding weight: shape [3 2]") {
		t.Errorf("got %v", err)
	}
}

func TestGradientsOfWhatIsNoScalarAreAnError(t *testing.T) {
	p, _ := diamond(t)
	_, err := program.Gradients(p.Outputs[0].Node, []*gorgonia.Node{p.Inputs[0].Node})
	if err == nil || !strings.Contains(err.Error(), "differentiating the loss") {
		t.Errorf("got %v", err)
	}
}
