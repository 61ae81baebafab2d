package export_test

import (
	"math"
	"strings"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/export"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/models"
	ort "ptyx/runtime"
	"ptyx/runtime/runtimetest"
)

// network is the smallest configuration that there is.
func network(channels int, extent models.Extent) models.Config {
	return models.Config{N: 64, Channels: channels, FiltersScale: 1, Extent: extent, InputScale: 0.125,
		AmplitudeMax: models.DefaultAmplitudeMax}
}

// unrolled is the smallest network that takes the probe.
func unrolled() models.Config {
	c := network(1, models.Full)
	c.Kind, c.N = models.Unrolled, 32
	return c
}

// metadata is a data contract that fits a network.
func metadata(c models.Config) contract.Contract {
	re, im := testutil.Uniform(1, -1, 1, c.N, c.N), testutil.Uniform(2, -1, 1, c.N, c.N)
	probe := ndarray.New[complex64](c.N, c.N)
	for i := range probe.Data {
		probe.Data[i] = complex(re.Data[i], im.Data[i])
	}
	return contract.Contract{
		PtyxVersion: "1.2.3", N: c.N, Gridsize: int(math.Sqrt(float64(c.Channels))), Channels: c.Channels,
		FiltersScale: c.FiltersScale, Network: c.Kind.String(), ObjectExtent: string(c.Extent),
		TrainingInput: "amplitude", InputScale: c.InputScale, AmplitudeMax: c.AmplitudeMax, Photons: 1e6,
		Probe: probe, ProbeDigest: optics.ProbeDigest(probe), DataDigest: "data", Seed: 7, Epochs: 3,
		Loss: "poisson", TrainLoss: 0.25, ValLoss: math.NaN(), Engine: "ort", Device: "CPUExecutionProvider",
	}
}

// weights are Glorot's, with biases that are not 0.
func weights(c models.Config) []*ndarray.Float32 {
	params := c.Initialise(5)
	for i, p := range params {
		if len(p.Shape) == 1 {
			copy(p.Data, testutil.Uniform(uint64(i), -0.2, 0.2, len(p.Data)).Data)
		}
	}
	return params
}

func checkpoint(t testing.TB, c models.Config) *onnxir.Model {
	t.Helper()
	m, err := export.Checkpoint(c, weights(c), metadata(c))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tiny is a network of every operator that a checkpoint may hold, on patterns of 4 x 4 pixels.
func tiny(t testing.TB) *program.Program {
	t.Helper()
	g := gorgonia.NewGraph()
	names := program.Names{}
	node := func(name string, n *gorgonia.Node) *gorgonia.Node {
		names[n] = name
		return n
	}
	seed := uint64(60)
	constant := func(name string, shape ...int) *gorgonia.Node {
		seed++
		return node(name, program.Constant(g, name, testutil.Uniform(seed, -1, 1, shape...)))
	}
	conv := func(name string, x *gorgonia.Node, in, out int) *gorgonia.Node {
		return node(name, ops.Conv2D(x, constant(name+".weight", out, in, 3, 3), constant(name+".bias", out)))
	}
	in := program.Leaf(g, "patterns", 1, 1, 4, 4)
	x := node("scaled", ops.Affine(in, 0.5, 0))
	pooled := node("pooled", ops.ReLUMaxPool(conv("first", x, 1, 2)))
	up := node("upsampled", ops.Upsample(node("active", ops.ReLU(conv("second", pooled, 2, 2)))))
	amplitude := node("amplitude.scaled", ops.Affine(node("sigmoid", ops.Sigmoid(conv("head", up, 2, 1))), 2, 0))
	phase := node("phase.padded", ops.Pad(node("tanh", ops.Tanh(conv("small", pooled, 2, 1))), 1))
	return &program.Program{
		Name: "tiny", Doc: "Every operator of a checkpoint once.",
		Inputs: []program.Input{{Name: "patterns", Node: in, Batch: program.Batch, Doc: "Amplitudes."}},
		Outputs: []program.Output{{Name: "amplitude", Node: amplitude},
			{Name: "phase", Node: phase, Doc: "In radians."}},
		Names: names,
	}
}

func lower(t testing.TB, p *program.Program, target onnxir.Target) *onnxir.Model {
	t.Helper()
	m, err := export.Lower(p, target)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// onTape runs a program on the tape engine.
func onTape(t testing.TB, p *program.Program, inputs ...*ndarray.Float32) []*ndarray.Float32 {
	t.Helper()
	exe, err := engine.Tape{}.Compile(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	outputs := export.Arrays(p)
	binding, err := exe.Bind(inputs, outputs)
	if err != nil {
		t.Fatal(err)
	}
	defer binding.Close()
	if err := binding.Run(); err != nil {
		t.Fatal(err)
	}
	return outputs
}

// onORT runs a model on ONNX Runtime; its outputs have the shape of its first input. A second input is the offsets. A
// machine without the library fails.
func onORT(t testing.TB, model []byte, outputs int, inputs ...*ndarray.Float32) []*ndarray.Float32 {
	t.Helper()
	options := ort.SessionOptions{Threads: 2}
	if len(inputs) > 1 {
		options.Optional = []string{export.OffsetName}
	}
	session, err := runtimetest.Open(t).NewSession(model, options)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	var arrays []*ndarray.Float32
	for range outputs {
		arrays = append(arrays, ndarray.New[float32](inputs[0].Shape...))
	}
	if err := session.Run(inputs, arrays); err != nil {
		t.Fatal(err)
	}
	return arrays
}

// wantSentence checks that an error is there, says what it must, and is one line.
func wantSentence(t *testing.T, what string, err error, says string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: no error", what)
	case !strings.Contains(err.Error(), says):
		t.Errorf("%s: the error lacks %q: %v", what, says, err)
	case strings.Contains(err.Error(), "\n"):
		t.Errorf("%s: the error is not one line: %q", what, err)
	}
}
