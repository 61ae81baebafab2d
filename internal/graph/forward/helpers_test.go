package forward_test

import (
	"fmt"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/recon/engine"
)

// bench is a graph under test with the arrays that it is fed.
type bench struct {
	t       *testing.T
	graph   *gorgonia.ExprGraph
	program program.Program
	arrays  []*ndarray.Float32
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, graph: gorgonia.NewGraph(), program: program.Program{Name: "test"}}
}

// feed adds an input.
func (b *bench) feed(a *ndarray.Float32) *gorgonia.Node {
	name := fmt.Sprint("in", len(b.arrays))
	leaf := program.Leaf(b.graph, name, a.Shape...)
	b.program.Inputs = append(b.program.Inputs, program.Input{Name: name, Node: leaf})
	b.arrays = append(b.arrays, a)
	return leaf
}

func (b *bench) feedPair(p parts) forward.Pair {
	return forward.Pair{Re: b.feed(p.re), Im: b.feed(p.im)}
}

// compute runs the graph on the tape engine.
func (b *bench) compute(outputs ...*gorgonia.Node) []*ndarray.Float32 {
	b.t.Helper()
	p := b.program
	var arrays []*ndarray.Float32
	for i, n := range outputs {
		p.Outputs = append(p.Outputs, program.Output{Name: fmt.Sprint("out", i), Node: n})
		arrays = append(arrays, ndarray.New[float32](n.Shape()...))
	}
	exe, err := engine.Tape{}.Compile(&p, 1)
	b.check(err)
	binding, err := exe.Bind(b.arrays, arrays)
	b.check(err)
	defer binding.Close()
	b.check(binding.Run())
	return arrays
}

func (b *bench) computePair(p forward.Pair) parts {
	b.t.Helper()
	out := b.compute(p.Re, p.Im)
	return parts{out[0], out[1]}
}

func (b *bench) check(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// parts is a complex array as two real ones.
type parts struct{ re, im *ndarray.Float32 }

func randomParts(seed uint64, shape ...int) parts {
	return parts{testutil.Uniform(seed, -1, 1, shape...), testutil.Uniform(seed+500, -1, 1, shape...)}
}

// image is the complex picture number i of n x n.
func (p parts) image(i, n int) *ndarray.Complex64 {
	out := ndarray.New[complex64](n, n)
	for k := range out.Data {
		out.Data[k] = complex(p.re.Data[i*n*n+k], p.im.Data[i*n*n+k])
	}
	return out
}

// checkParts compares with complex pictures, one after the other.
func checkParts(t *testing.T, what string, got parts, want []complex128, tol float64) {
	t.Helper()
	re, im := make([]float32, len(want)), make([]float32, len(want))
	for i, v := range want {
		re[i], im[i] = float32(real(v)), float32(imag(v))
	}
	testutil.CheckClose(t, what+", real part", got.re.Data, re, tol)
	testutil.CheckClose(t, what+", imaginary part", got.im.Data, im, tol)
}

// checkSlopes holds the gradient of a loss by an array to finite differences, at the elements that are chosen. The loss
// reads the array, whose elements are moved one by one and put back.
func checkSlopes(t *testing.T, what string, gradient, a *ndarray.Float32, chosen func(element int) bool,
	loss func() float64) {
	t.Helper()
	var analytic, difference []float32
	for e, old := range a.Data {
		if !chosen(e) {
			continue
		}
		a.Data[e] = old + differenceStep
		above := loss()
		a.Data[e] = old - differenceStep
		below := loss()
		a.Data[e] = old
		difference = append(difference, float32((above-below)/(2*differenceStep)))
		analytic = append(analytic, gradient.Data[e])
	}
	testutil.CheckClose(t, what, analytic, difference, differenceTolerance)
}

// every chooses each step-th element.
func every(step int) func(element int) bool {
	return func(element int) bool { return element%step == 0 }
}

// dot is the sum of the products of pairs of arrays.
func (b *bench) dot(factors ...*gorgonia.Node) *gorgonia.Node {
	b.t.Helper()
	var total *gorgonia.Node
	for i := 0; i < len(factors); i += 2 {
		sum := ops.Sum(ops.Mul(factors[i], factors[i+1]))
		if total != nil {
			sum = ops.Add(total, sum)
		}
		total = sum
	}
	return total
}
