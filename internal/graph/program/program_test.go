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

// diamond is two paths from a leaf that meet again, and a node that no output needs.
func diamond(t *testing.T) (p *program.Program, order []*gorgonia.Node) {
	t.Helper()
	g := gorgonia.NewGraph()
	a, b := program.Leaf(g, "a", 2, 3), program.Leaf(g, "b", 2, 3)
	left, right := ops.Sin(a), ops.Mul(a, b)
	ops.Cos(b) // needed by nobody
	sum := ops.Sub(left, right)
	cost := ops.Sum(sum)
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
	grads := program.Gradients(p.Outputs[1].Node, []*gorgonia.Node{p.Inputs[0].Node, p.Inputs[1].Node})
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
	g := gorgonia.NewGraph()
	a, b := program.Leaf(g, "a", 2), program.Leaf(g, "b", 2)
	for _, pair := range [][]*gorgonia.Node{{a, b}, {b, a}, {a, a}} {
		n := ops.Sub(pair[0], pair[1])
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
		n := program.Constant(g, "constant", value)
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

func TestGradientsOfAnArrayAreAnError(t *testing.T) {
	p, _ := diamond(t)
	_, err := ops.Build("gradients", func() []*gorgonia.Node {
		return program.Gradients(p.Outputs[0].Node, []*gorgonia.Node{p.Inputs[0].Node})
	})
	if err == nil || !strings.Contains(err.Error(), "differentiating the loss") {
		t.Errorf("got %v", err)
	}
}

// Gorgonia takes leaves of one name for one leaf: the second value would replace the first.
func TestConstantsOfOneNameAreRefused(t *testing.T) {
	build := func(second float32) error {
		g := gorgonia.NewGraph()
		_, err := ops.Build("constants", func() *gorgonia.Node {
			program.Constant(g, "c", ndarray.Wrap([]float32{1, 2}, 2))
			return program.Constant(g, "c", ndarray.Wrap([]float32{1, second}, 2))
		})
		return err
	}
	if err := build(2); err != nil {
		t.Error(err)
	}
	if err := build(3); err == nil {
		t.Error("two values of one name are taken")
	}
}
