package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/recon/engine"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

// fast is the engine on ONNX Runtime. A machine without the library fails: these tests are about it.
func fast(t *testing.T, threads int) *engine.ORT {
	t.Helper()
	return engine.NewORT(runtimetest.Open(t), ort.SessionOptions{Threads: threads})
}

// engines are all that must behave alike.
func engines(t *testing.T) []engine.Engine { return []engine.Engine{engine.Tape{}, fast(t, 2)} }

// task is a program with arrays to feed.
type task struct {
	program *program.Program
	inputs  []*ndarray.Float32
}

// smallTask is a convolution with pooling, an upsampling, a second convolution, a mean of squares and its gradients.
func smallTask(t *testing.T) task {
	t.Helper()
	g := gorgonia.NewGraph()
	arrays := []*ndarray.Float32{
		testutil.Uniform(1, -1, 1, 2, 1, 8, 8), testutil.Uniform(2, -1, 1, 4, 1, 3, 3), testutil.Uniform(3, -1, 1, 4),
		testutil.Uniform(4, -1, 1, 1, 4, 3, 3), testutil.Uniform(5, -1, 1, 1),
	}
	names := []string{"x", "first.weight", "first.bias", "second.weight", "second.bias"}
	p := &program.Program{Name: "small"}
	leaves := make([]*gorgonia.Node, len(names))
	for i, name := range names {
		leaves[i] = program.Leaf(g, name, arrays[i].Shape...)
		p.Inputs = append(p.Inputs, program.Input{Name: name, Node: leaves[i]})
	}
	x := ops.ReLUMaxPool(ops.Conv2D(leaves[0], leaves[1], leaves[2]))
	x = ops.Tanh(ops.Conv2D(ops.Upsample(x), leaves[3], leaves[4])) // (2, 1, 8, 8)
	loss := ops.Affine(ops.Sum(ops.Mul(x, x)), 1.0/128, 0)
	grads := program.Gradients(loss, leaves[1:])
	p.Outputs = []program.Output{{Name: "image", Node: x}, {Name: "loss", Node: loss}}
	for i, n := range grads {
		p.Outputs = append(p.Outputs, program.Output{Name: "grad." + names[1+i], Node: n})
	}
	return task{p, arrays}
}

// netTask is a training graph of the real network: the sum of its weighted outputs, and the gradient of every
// parameter. Engines may take different sides of a ReLU's kink if rounding decides its sign. Then gradients differ by
// 1e-3 of their scale: measured in 1 of 12 seeds. These seeds have no such pixel.
func netTask(t *testing.T, c models.Config) task {
	t.Helper()
	g := gorgonia.NewGraph()
	shape := []int{1, c.Channels, c.N, c.N}
	p := &program.Program{Name: "net"}
	arrays := []*ndarray.Float32{testutil.Uniform(8, 0, 2, shape...), testutil.Uniform(9, 0.5, 1.5, shape...)}
	x, weight := program.Leaf(g, "x", shape...), program.Leaf(g, "weight", shape...)
	p.Inputs = []program.Input{{Name: "x", Node: x}, {Name: "weight", Node: weight}}
	var leaves []*gorgonia.Node
	for i, a := range c.Initialise(1) {
		leaves = append(leaves, program.Leaf(g, c.Specs()[i].Name, a.Shape...))
		p.Inputs = append(p.Inputs, program.Input{Name: leaves[i].Name(), Node: leaves[i]})
		arrays = append(arrays, a)
	}
	net, err := models.Build(c, []*gorgonia.Node{x}, leaves)
	if err != nil {
		t.Fatal(err)
	}
	loss := ops.Sum(ops.Mul(ops.Mul(net.Amplitude, net.Phase), weight))
	grads := program.Gradients(loss, leaves)
	p.Outputs = []program.Output{
		{Name: "amplitude", Node: net.Amplitude}, {Name: "phase", Node: net.Phase}, {Name: "loss", Node: loss},
	}
	for i, n := range grads {
		p.Outputs = append(p.Outputs, program.Output{Name: "grad." + leaves[i].Name(), Node: n})
	}
	return task{p, arrays}
}

// bind compiles a task and gives it fresh outputs.
func (k task) bind(t *testing.T, e engine.Engine) (engine.Binding, []*ndarray.Float32) {
	t.Helper()
	exe, err := e.Compile(k.program, 1)
	if err != nil {
		t.Fatal(err)
	}
	outputs := export.Arrays(k.program)
	binding, err := exe.Bind(k.inputs, outputs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := binding.Close(); err != nil {
			t.Error(err)
		}
		if err := exe.Close(); err != nil {
			t.Error(err)
		}
	})
	return binding, outputs
}

func (k task) run(t *testing.T, e engine.Engine) []*ndarray.Float32 {
	t.Helper()
	binding, outputs := k.bind(t, e)
	if err := binding.Run(); err != nil {
		t.Fatal(err)
	}
	return outputs
}

// ONNX Runtime's tanh and sigmoid are rational approximations, good to about 2e-6, and the engines sum in different
// orders, where rounding grows as the square root of the number of terms: about 2^-24 * sqrt(4096) for a gradient that
// sums over the pixels of a 64 x 64 image, and once more for every layer that it passed.
const (
	smallTolerance = 1e-5
	netTolerance   = 1e-4
)

func TestEnginesAgreeOnASmallTrainingGraph(t *testing.T) {
	k := smallTask(t)
	want, got := k.run(t, engine.Tape{}), k.run(t, fast(t, 2))
	for i, out := range k.program.Outputs {
		testutil.CheckClose(t, out.Name, got[i].Data, want[i].Data, smallTolerance)
	}
}

func TestEnginesAgreeOnTheNetworkAndItsGradients(t *testing.T) {
	for _, extent := range []models.Extent{models.Centre, models.Full} {
		for _, channels := range []int{1, 4} {
			t.Run(fmt.Sprintf("%s C=%d", extent, channels), func(t *testing.T) {
				k := netTask(
					t,
					models.Config{
						N: 64, Channels: channels, FiltersScale: 1, Extent: extent, InputScale: 0.5, AmplitudeMax: 2,
					},
				)
				want, got := k.run(t, engine.Tape{}), k.run(t, fast(t, 2))
				for i, out := range k.program.Outputs {
					testutil.CheckClose(t, out.Name, got[i].Data, want[i].Data, netTolerance)
				}
			})
		}
	}
}

func TestEnginesAreDeterministic(t *testing.T) {
	k := smallTask(t)
	for _, e := range engines(t) {
		binding, outputs := k.bind(t, e)
		var first []*ndarray.Float32
		for range 3 {
			if err := binding.Run(); err != nil {
				t.Fatal(err)
			}
			for i, out := range outputs {
				if len(first) <= i {
					first = append(first, out.Clone())
				} else if !slices.Equal(out.Data, first[i].Data) {
					t.Errorf("%s: %s differs between runs", e.Name(), k.program.Outputs[i].Name)
				}
			}
		}
	}
}

func TestRunReadsChangedInputs(t *testing.T) {
	for _, e := range engines(t) {
		k := smallTask(t)
		binding, outputs := k.bind(t, e)
		if err := binding.Run(); err != nil {
			t.Fatal(err)
		}
		before := outputs[1].Data[0]
		moved := smallTask(t)
		for j := range k.inputs {
			for i := range k.inputs[j].Data {
				k.inputs[j].Data[i] *= 0.5
			}
			moved.inputs[j] = k.inputs[j].Clone()
		}
		if err := binding.Run(); err != nil {
			t.Fatal(err)
		}
		want := moved.run(t, e)
		if outputs[1].Data[0] == before || !slices.Equal(outputs[2].Data, want[2].Data) {
			t.Errorf("%s: loss %g before and %g after the inputs changed, expected %g", e.Name(), before,
				outputs[1].Data[0], want[1].Data[0])
		}
	}
}

func TestTwoProgramsOfOneGraph(t *testing.T) {
	for _, e := range engines(t) {
		k := smallTask(t)
		loss := task{
			&program.Program{Name: "loss", Inputs: k.program.Inputs, Outputs: k.program.Outputs[1:2]}, k.inputs,
		}
		training, trained := k.bind(t, e)
		validation, validated := loss.bind(t, e)
		for range 2 {
			if err := training.Run(); err != nil {
				t.Fatal(err)
			}
			if err := validation.Run(); err != nil {
				t.Fatal(err)
			}
			if got, want := validated[0].Data[0], trained[1].Data[0]; !testutil.Close(float64(got), float64(want), 0,
				smallTolerance) {
				t.Errorf("%s: loss alone %g, in training %g", e.Name(), got, want)
			}
			k.inputs[0].Data[0] += 0.5
		}
	}
}

func TestReplicasAgree(t *testing.T) {
	e := fast(t, 2)
	k := smallTask(t)
	exe, err := e.Compile(k.program, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	const replicas = 2
	var bindings []engine.Binding
	var outputs [][]*ndarray.Float32
	var images []*ndarray.Float32
	for r := range replicas {
		// The replicas share the parameters; each has its own batch.
		images = append(images, testutil.Uniform(uint64(50+r), -1, 1, k.inputs[0].Shape...))
		outputs = append(outputs, export.Arrays(k.program))
		binding, err := exe.Bind(append([]*ndarray.Float32{images[r]}, k.inputs[1:]...), outputs[r])
		if err != nil {
			t.Fatal(err)
		}
		defer binding.Close()
		bindings = append(bindings, binding)
	}
	for range 20 {
		var side sync.WaitGroup
		errs := make([]error, replicas)
		for r := range bindings {
			side.Add(1)
			go func() {
				defer side.Done()
				errs[r] = bindings[r].Run()
			}()
		}
		side.Wait()
		for r, err := range errs {
			if err != nil {
				t.Fatalf("replica %d: %v", r, err)
			}
		}
	}
	for r := range replicas {
		alone := task{k.program, append([]*ndarray.Float32{images[r]}, k.inputs[1:]...)}
		want := alone.run(t, fast(t, 1)) // as many threads as a replica has: the same numbers, bit for bit
		for i, out := range k.program.Outputs {
			if !slices.Equal(outputs[r][i].Data, want[i].Data) {
				t.Errorf("replica %d, %s: differs from a run of its own", r, out.Name)
			}
		}
	}
}

func TestReplicaNumber(t *testing.T) {
	for _, c := range []struct {
		threads int
		device  ort.Device
		parts   int
		want    int
	}{
		{2, ort.CPU, 16, 2}, {2, ort.CPU, 3, 1}, {4, ort.CPU, 8, 4}, {4, ort.CPU, 2, 1},
		{1, ort.CPU, 16, 1}, {0, ort.CPU, 16, 1}, {4, ort.CUDA, 16, 1},
	} {
		e := engine.NewORT(nil, ort.SessionOptions{Threads: c.threads, Device: c.device})
		if got := e.Replicas(c.parts); got != c.want {
			t.Errorf("%d threads on %v, %d parts: %d replicas, want %d", c.threads, c.device, c.parts, got, c.want)
		}
	}
	if got := (engine.Tape{}).Replicas(16); got != 1 {
		t.Errorf("tape: %d replicas", got)
	}
}

func TestEngineNames(t *testing.T) {
	tape, ort := engine.Tape{}, fast(t, 1)
	if tape.Name() != "tape" || tape.Device() != "Go" {
		t.Errorf("tape calls itself %s on %s", tape.Name(), tape.Device())
	}
	if ort.Name() != "ort" || ort.Device() != "" {
		t.Errorf("before a program is compiled: %s on %q", ort.Name(), ort.Device())
	}
	smallTask(t).run(t, ort)
	if got := ort.Device(); !strings.HasSuffix(got, "ExecutionProvider") {
		t.Errorf("after a program was compiled it computes on %q", got)
	}
}

func TestBindRefusesWrongArrays(t *testing.T) {
	for _, e := range engines(t) {
		k := smallTask(t)
		exe, err := e.Compile(k.program, 1)
		if err != nil {
			t.Fatal(err)
		}
		outputs := export.Arrays(k.program)
		for _, bad := range []struct {
			name            string
			inputs, outputs []*ndarray.Float32
			says            string
		}{
			{"an input too few", k.inputs[1:], outputs, "small takes 5 inputs and 6 outputs, got 4 and 6"},
			{"an output too few", k.inputs, outputs[1:], "got 5 and 5"},
			{"an input's shape", append([]*ndarray.Float32{ndarray.New[float32](3, 1, 8, 8)}, k.inputs[1:]...),
				outputs, "input x has shape [3 1 8 8], expected (2, 1, 8, 8)"},
			{"an output's shape", k.inputs, append([]*ndarray.Float32{ndarray.New[float32](2, 1, 8)}, outputs[1:]...),
				"output image has shape [2 1 8]"},
		} {
			if _, err := exe.Bind(bad.inputs, bad.outputs); err == nil || !strings.Contains(err.Error(), bad.says) {
				t.Errorf("%s, %s: got %v, want an error with %q", e.Name(), bad.name, err, bad.says)
			}
		}
		if err := exe.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestLeafWithoutValue(t *testing.T) {
	for _, e := range engines(t) {
		k := smallTask(t)
		k.program.Inputs, k.inputs = k.program.Inputs[:4], k.inputs[:4] // second.bias is neither fed nor bound
		exe, err := e.Compile(k.program, 1)
		if err == nil {
			var binding engine.Binding
			if binding, err = exe.Bind(k.inputs, export.Arrays(k.program)); err == nil {
				err = binding.Run()
				_ = binding.Close()
			}
		}
		if err == nil || !strings.Contains(err.Error(), "small") {
			t.Errorf("%s: got %v, want an error that names the program", e.Name(), err)
		}
	}
}

func TestOperatorWithoutLowering(t *testing.T) {
	g := gorgonia.NewGraph()
	x := program.Leaf(g, "x", 2, 2)
	y, err := gorgonia.Exp(x)
	if err != nil {
		t.Fatal(err)
	}
	p := &program.Program{
		Name: "foreign", Inputs: []program.Input{{Name: "x", Node: x}}, Outputs: []program.Output{{Name: "y", Node: y}},
	}
	if _, err := fast(t, 1).Compile(p, 1); err == nil ||
		!strings.Contains(err.Error(), "lowering foreign to ONNX: operator exp") {
		t.Errorf("got %v", err)
	}
}
