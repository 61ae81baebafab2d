package ops_test

import (
	"fmt"
	"math"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/recon/engine"
	ort "ptyx/runtime"
)

// opCase is one use of an operator. The conformance suite runs every case through the same tests: gradient against
// finite differences, and the same numbers from every engine.
type opCase struct {
	name   string
	inputs []*ndarray.Float32
	build  func(in []*gorgonia.Node) *gorgonia.Node
}

func unary(f func(*ops.Node) *ops.Node) func([]*ops.Node) *ops.Node {
	return func(in []*ops.Node) *ops.Node { return f(in[0]) }
}

func two(f func(a, b *ops.Node) *ops.Node) func([]*ops.Node) *ops.Node {
	return func(in []*ops.Node) *ops.Node { return f(in[0], in[1]) }
}

// cases lists every operator that a graph is built of. Inputs keep away from kinks, where a finite difference is not a
// derivative.
func cases() []opCase {
	image := testutil.Uniform(1, -1, 1, 2, 3, 4, 6)
	positive := testutil.Uniform(2, 0.5, 2, 2, 3, 4, 6)
	row := testutil.Uniform(3, 0.5, 2, 3, 1, 6)
	apart := awayFromZero(testutil.Uniform(4, -1, 1, 2, 3, 4, 6))
	list := []opCase{
		{"Sin", arrays(image), unary(ops.Sin)},
		{"Cos", arrays(image), unary(ops.Cos)},
		{"Exp", arrays(image), unary(ops.Exp)},
		{"Log", arrays(positive), unary(ops.Log)},
		{"Sqrt", arrays(positive), unary(ops.Sqrt)},
		{"Abs", arrays(apart), unary(ops.Abs)},
		{"Sign", arrays(apart), func(in []*ops.Node) *ops.Node { return ops.Mul(ops.Sign(in[0]), in[0]) }},
		{"Sigmoid", arrays(image), unary(ops.Sigmoid)},
		{"Tanh", arrays(image), unary(ops.Tanh)},
		{"Atan", arrays(image), unary(ops.Atan)},
		{"ReLU", arrays(apart), unary(ops.ReLU)},
		{"ReLUMaxPool", arrays(spread(2, 3, 4, 6)), unary(ops.ReLUMaxPool)},
		{"Upsample", arrays(image), unary(ops.Upsample)},
		{"TransposeLast", arrays(image), unary(ops.TransposeLast)},
		{"Sum", arrays(image), unary(ops.Sum)},
		{"Add", arrays(image, positive), two(ops.Add)},
		{"Sub broadcast", arrays(image, row), two(ops.Sub)},
		{"Mul", arrays(image, positive), two(ops.Mul)},
		{"Mul broadcast", arrays(row, image), two(ops.Mul)},
		{"Mul square", arrays(image), func(in []*ops.Node) *ops.Node { return ops.Mul(in[0], in[0]) }},
		{"Div broadcast", arrays(image, row), two(ops.Div)},
		{"MatMul", arrays(testutil.Uniform(5, -1, 1, 2, 3, 4, 5), testutil.Uniform(6, -1, 1, 2, 3, 5, 3)),
			two(ops.MatMul)},
		{"MatMul shared left", arrays(testutil.Uniform(7, -1, 1, 4, 4), image), two(ops.MatMul)},
		{"MatMul shared right", arrays(image, testutil.Uniform(8, -1, 1, 6, 6)), two(ops.MatMul)},
		{"SumTo", arrays(image), func(in []*ops.Node) *ops.Node { return ops.SumTo(in[0], []int{3, 1, 6}) }},
		{"BroadcastTo", arrays(row),
			func(in []*ops.Node) *ops.Node { return ops.BroadcastTo(in[0], []int{2, 3, 4, 6}) }},
		{"Reshape", arrays(image), func(in []*ops.Node) *ops.Node { return ops.Reshape(in[0], 6, 24) }},
		{"Pad", arrays(image), func(in []*ops.Node) *ops.Node { return ops.Pad(in[0], 2) }},
		{"Fourier", arrays(testutil.Uniform(20, -1, 1, 3, 2, 6, 6)), unary(ops.Fourier)},
		{"InverseFourier", arrays(testutil.Uniform(21, -1, 1, 2, 2, 8, 8)), unary(ops.InverseFourier)},
		{"Concat", arrays(image, positive), two(func(a, b *ops.Node) *ops.Node { return ops.Concat(a, b, a) })},
		{"Channels", arrays(image), func(in []*ops.Node) *ops.Node { return ops.Channels(in[0], 1, 3) }},
		{"SpaceToDepth", arrays(image), func(in []*ops.Node) *ops.Node { return ops.SpaceToDepth(in[0], 2) }},
		{"DepthToSpace", arrays(testutil.Uniform(22, -1, 1, 2, 18, 2, 3)),
			func(in []*ops.Node) *ops.Node { return ops.DepthToSpace(in[0], 3) }},
		{"Crop", arrays(image), func(in []*ops.Node) *ops.Node { return ops.Crop(in[0], 1) }},
	}
	for _, a := range [][2]float32{{-2, 0}, {1, 3}, {-1, 1}, {2, 3}} {
		list = append(list, opCase{fmt.Sprint("Affine", a), arrays(image),
			func(in []*ops.Node) *ops.Node { return ops.Affine(in[0], a[0], a[1]) }})
	}
	for _, k := range []int{1, 3, 5} {
		list = append(list, opCase{fmt.Sprint("Conv2D kernel ", k),
			arrays(image, testutil.Uniform(9, -1, 1, 4, 3, k, k), testutil.Uniform(10, -1, 1, 4)),
			func(in []*ops.Node) *ops.Node { return ops.Conv2D(in[0], in[1], in[2]) }})
	}
	// More filters than inputs and a block-sized number of channels: the shapes that lowerings treat specially.
	list = append(list, opCase{"Conv2D wide", arrays(testutil.Uniform(11, -1, 1, 2, 16, 8, 8),
		testutil.Uniform(12, -1, 1, 32, 16, 3, 3), testutil.Uniform(13, -1, 1, 32)),
		func(in []*ops.Node) *ops.Node { return ops.Conv2D(in[0], in[1], in[2]) }})
	// Images that are not square, of whole tiles: Winograd's.
	list = append(list, opCase{"Conv2D tiles", arrays(testutil.Uniform(14, -1, 1, 3, 48, 8, 12),
		testutil.Uniform(15, -1, 1, 24, 48, 3, 3), testutil.Uniform(16, -1, 1, 24)),
		func(in []*ops.Node) *ops.Node { return ops.Conv2D(in[0], in[1], in[2]) }})
	return list
}

func arrays(a ...*ndarray.Float32) []*ndarray.Float32 { return a }

func awayFromZero(a *ndarray.Float32) *ndarray.Float32 {
	for i, v := range a.Data {
		if v < 0 {
			a.Data[i] = v - 0.1
		} else {
			a.Data[i] = v + 0.1
		}
	}
	return a
}

// spread holds values that all differ by more than a finite difference step, so that no maximum changes hands.
func spread(shape ...int) *ndarray.Float32 {
	a := ndarray.New[float32](shape...)
	for i := range a.Data {
		a.Data[i] = float32((i*37)%len(a.Data))/20 - 2.02
	}
	return a
}

// program is the case's output, the cost sum(output * weights), and the cost's gradients.
func (c opCase) program(t *testing.T) (*program.Program, []*ndarray.Float32) {
	t.Helper()
	g := gorgonia.NewGraph()
	p := &program.Program{Name: "case"}
	var leaves []*gorgonia.Node
	for i, a := range c.inputs {
		leaf := program.Leaf(g, fmt.Sprint("in", i), a.Shape...)
		leaves = append(leaves, leaf)
		p.Inputs = append(p.Inputs, program.Input{Name: leaf.Name(), Node: leaf})
	}
	out := c.build(leaves)
	weights := program.Constant(g, "weights", testutil.Uniform(99, 0.5, 1.5, out.Shape()...))
	weighted := ops.Mul(out, weights)
	cost := ops.Sum(weighted)
	grads := program.Gradients(cost, leaves)
	p.Outputs = []program.Output{{Name: "output", Node: out}, {Name: "cost", Node: cost}}
	for i, n := range grads {
		p.Outputs = append(p.Outputs, program.Output{Name: fmt.Sprint("grad", i), Node: n})
	}
	outputs := make([]*ndarray.Float32, len(p.Outputs))
	for i, o := range p.Outputs {
		outputs[i] = ndarray.New[float32](o.Node.Shape()...)
	}
	return p, outputs
}

// run compiles and runs a program once.
func run(t *testing.T, e engine.Engine, p *program.Program, in, out []*ndarray.Float32) {
	t.Helper()
	exe, err := e.Compile(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	binding, err := exe.Bind(in, out)
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Close()
	if err := binding.Run(); err != nil {
		t.Fatal(err)
	}
}

// The step of the central difference is a power of two; with values near 1 in float32 its rounding error is about
// 2^-24 * cost / step, below 1e-3 of the gradients here, and its truncation error is of order step^2.
const (
	differenceStep      = 1.0 / 128
	differenceTolerance = 4e-3
)

func TestGradientsAgreeWithFiniteDifferences(t *testing.T) {
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			p, out := c.program(t)
			exe, err := engine.Tape{}.Compile(p, 1)
			if err != nil {
				t.Fatal(err)
			}
			in := make([]*ndarray.Float32, len(c.inputs))
			for i, a := range c.inputs {
				in[i] = a.Clone()
			}
			binding, err := exe.Bind(in, out)
			if err != nil {
				t.Fatal(err)
			}
			defer binding.Close()
			weighted := func() float64 { // in float64: the cost itself is rounded to float32
				if err := binding.Run(); err != nil {
					t.Fatal(err)
				}
				sum := 0.0
				for i, w := range testutil.Uniform(99, 0.5, 1.5, out[0].Shape...).Data {
					sum += float64(w) * float64(out[0].Data[i])
				}
				return sum
			}
			for i := range in {
				weighted() // the last run before this one was at a moved point
				grad := out[2+i].Clone()
				for _, e := range probeElements(len(in[i].Data)) {
					old := in[i].Data[e]
					in[i].Data[e] = old + differenceStep
					above := weighted()
					in[i].Data[e] = old - differenceStep
					below := weighted()
					in[i].Data[e] = old
					want := (above - below) / (2 * differenceStep)
					if got := float64(grad.Data[e]); !testutil.Close(got, want, differenceTolerance,
						differenceTolerance) {
						t.Errorf("gradient of input %d, element %d: %g, finite difference %g", i, e, got, want)
					}
				}
			}
		})
	}
}

// probeElements picks up to 25 elements spread over an array.
func probeElements(n int) []int {
	var list []int
	for e := 0; e < n; e += max(1, n/25) {
		list = append(list, e)
	}
	return list
}

// A detached factor counts in the output, and not in the gradient.
func TestDetachedHasNoGradient(t *testing.T) {
	x := testutil.Uniform(23, -1, 1, 2, 3, 4, 6)
	c := opCase{"detached", arrays(x), func(in []*ops.Node) *ops.Node { return ops.Mul(ops.Detached(in[0]), in[0]) }}
	weights := testutil.Uniform(99, 0.5, 1.5, x.Shape...).Data
	for _, e := range []engine.Engine{engine.Tape{}, fastEngine(t)} {
		p, out := c.program(t)
		run(t, e, p, c.inputs, out)
		for i, v := range x.Data {
			const rounding = 1e-6 // of one product
			if got := out[0].Data[i]; !testutil.Close(float64(got), float64(v*v), rounding, rounding) {
				t.Errorf("%s: element %d is %g, want %g", e.Name(), i, got, v*v)
			}
			if got := out[2].Data[i]; !testutil.Close(float64(got), float64(weights[i]*v), rounding, rounding) {
				t.Errorf("%s: gradient %d is %g, want %g", e.Name(), i, got, weights[i]*v)
			}
		}
	}
}

func TestEqualMaximaShareTheGradient(t *testing.T) {
	x := ndarray.Wrap([]float32{3, 3, 0, -1, 3, 1, -1, -1}, 1, 1, 2, 4)
	c := opCase{"ties", arrays(x), unary(ops.ReLUMaxPool)}
	p, out := c.program(t)
	run(t, engine.Tape{}, p, c.inputs, out)
	w := testutil.Uniform(99, 0.5, 1.5, 1, 1, 1, 2).Data[0]
	// rounding of one division
	testutil.CheckClose(t, "gradient", out[2].Data, []float32{w / 3, w / 3, 0, 0, w / 3, 0, 0, 0}, 1e-6)
}

func TestShapeMistakesAreErrorsWhenTheGraphIsBuilt(t *testing.T) {
	g := gorgonia.NewGraph()
	leaf := func(shape ...int) *ops.Node { return program.Leaf(g, fmt.Sprint(shape), shape...) }
	mistakes := map[string]func() *ops.Node{
		"conv channels":   func() *ops.Node { return ops.Conv2D(leaf(1, 3, 8, 8), leaf(4, 2, 3, 3), leaf(4)) },
		"conv even":       func() *ops.Node { return ops.Conv2D(leaf(1, 3, 8, 8), leaf(4, 3, 2, 2), leaf(4)) },
		"conv biases":     func() *ops.Node { return ops.Conv2D(leaf(1, 3, 8, 8), leaf(4, 3, 3, 3), leaf(5)) },
		"pool odd":        func() *ops.Node { return ops.ReLUMaxPool(leaf(1, 3, 7, 8)) },
		"matmul inner":    func() *ops.Node { return ops.MatMul(leaf(2, 3), leaf(2, 3)) },
		"add":             func() *ops.Node { return ops.Add(leaf(2, 3), leaf(2, 4)) },
		"sum to":          func() *ops.Node { return ops.SumTo(leaf(2, 3), []int{4}) },
		"broadcast to":    func() *ops.Node { return ops.BroadcastTo(leaf(2, 3), []int{4, 3}) },
		"reshape":         func() *ops.Node { return ops.Reshape(leaf(2, 3), 5) },
		"crop everything": func() *ops.Node { return ops.Crop(leaf(1, 1, 4, 4), 2) },
		"transpose":       func() *ops.Node { return ops.TransposeLast(leaf(4)) },
	}
	for name, build := range mistakes {
		if _, err := ops.Build(name, build); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// fastEngine is ONNX Runtime with the lowering for its processor.
func fastEngine(t *testing.T) *engine.ORT {
	t.Helper()
	library, err := ort.Find("")
	if err != nil {
		t.Fatal(err)
	}
	env, err := ort.Open(library)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = env.Close() })
	return engine.NewORT(env, ort.SessionOptions{Threads: 2})
}

// Engines sum in different orders: 1e-5 of the largest value covers the rounding of the longest sum here, 1152 terms.
// Winograd's transforms, with factors up to 8 along each axis, round some times more.
const (
	engineTolerance   = 1e-5
	winogradTolerance = 5e-5
)

func TestEnginesAgree(t *testing.T) {
	fast := fastEngine(t)
	plain := *fast
	plain.Target = engine.NewORT(nil, ort.SessionOptions{Device: ort.CUDA}).Target // also right on the CPU
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) { enginesAgree(t, c, fast, winogradTolerance) })
		t.Run(c.name+" plain", func(t *testing.T) { enginesAgree(t, c, &plain, engineTolerance) })
	}
}

func enginesAgree(t *testing.T, c opCase, fast engine.Engine, tolerance float64) {
	p, want := c.program(t)
	run(t, engine.Tape{}, p, c.inputs, want)
	_, got := c.program(t)
	run(t, fast, p, c.inputs, got)
	for i, o := range p.Outputs {
		testutil.CheckClose(t, o.Name, got[i].Data, want[i].Data, tolerance)
	}
}

// The angle of an object is twice an arc tangent: 5e-7 here keeps it to 1e-6 rad.
func TestAtanIsWithinHalfAMicroradian(t *testing.T) {
	const each, decades = 200, 9
	x := ndarray.New[float32](2, decades, each)
	for i := range x.Data {
		exponent := float64(i%(decades*each))/each - 5 // 1e-5 to 1e4, and the negative numbers
		x.Data[i] = float32(math.Pow(10, exponent))
		if i >= decades*each {
			x.Data[i] = -x.Data[i]
		}
	}
	x.Data[0], x.Data[1], x.Data[2] = 0, 1e12, -1e18
	g := gorgonia.NewGraph()
	leaf := program.Leaf(g, "x", x.Shape...)
	p := &program.Program{Name: "atan", Inputs: []program.Input{{Name: "x", Node: leaf}},
		Outputs: []program.Output{{Name: "y", Node: ops.Atan(leaf)}}}
	for _, e := range []engine.Engine{engine.Tape{}, fastEngine(t)} {
		y := ndarray.New[float32](x.Shape...)
		run(t, e, p, arrays(x), arrays(y))
		for i, v := range x.Data {
			if want := math.Atan(float64(v)); !(math.Abs(float64(y.Data[i])-want) < 5e-7) {
				t.Fatalf("%s: atan %g = %.9g, want %.9g", e.Name(), v, y.Data[i], want)
			}
		}
	}
}

// What is computed there and back, or taken apart and joined again, leaves no node in the graph.
func TestDetoursAreLeftOut(t *testing.T) {
	g := gorgonia.NewGraph()
	x := program.Leaf(g, "x", 2, 2, 4, 4)
	_, err := ops.Build("detours", func() *ops.Node {
		first, second := ops.Channels(x, 0, 1), ops.Channels(x, 1, 2)
		if ops.Concat(first, second) != x {
			t.Error("the channels of an image, joined, are another node")
		}
		if ops.Concat(second, first) == x || ops.Concat(first, first) == x {
			t.Error("other channels are taken for the image")
		}
		if ops.Fourier(ops.InverseFourier(x)) != x {
			t.Error("there and back is another node")
		}
		if ops.Fourier(ops.Fourier(x)) == x {
			t.Error("the transform of the transform is taken for the image")
		}
		return x
	})
	if err != nil {
		t.Fatal(err)
	}
}
