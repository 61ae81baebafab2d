package export

import (
	"cmp"
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
	"ptyx/models"
)

// Names of a checkpoint's first input and outputs.
const (
	InputName     = contract.PatternsInput
	AmplitudeName = contract.AmplitudeOutput
	PhaseName     = contract.PhaseOutput
	ObjectReName  = contract.ObjectReOutput
	ObjectImName  = contract.ObjectImOutput
	OffsetName    = contract.OffsetInput

	LogVarianceName = contract.LogVarianceOutput
)

// Network is the program of a network, with its parameters as constants. Raw amplitudes (B, C, N, N) go in and, if the
// network takes them, the probe and the offset, with defaults. The object patches (B, C, N, N) come out, as amplitude
// and phase or as real and imaginary part.
func Network(c models.Config, params []*models.Array, probe *models.ComplexArray, batch int) (*Program, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	g := gorgonia.NewGraph()
	specs := c.Specs()
	if len(params) != len(specs) {
		return nil, fmt.Errorf("%d parameter arrays for a network of %d", len(params), len(specs))
	}
	leaves, err := ops.Build("the parameters", func() []*gorgonia.Node {
		leaves := make([]*gorgonia.Node, len(specs))
		for i, s := range specs {
			leaves[i] = program.Constant(g, s.Name, params[i])
		}
		return leaves
	})
	if err != nil {
		return nil, err
	}
	var inputs []program.Input
	var fed []*gorgonia.Node
	for _, in := range c.Inputs()[:1] {
		leaf := program.Leaf(g, in.Name, append([]int{batch}, in.Shape...)...)
		inputs = append(inputs, program.Input{Name: in.Name, Doc: in.Doc, Node: leaf, Batch: program.Batch})
		fed = append(fed, leaf)
	}
	if c.TakesProbe() {
		fed, err = ops.Build("the probe", func() []*gorgonia.Node {
			amplitude, probe := forward.Normalised(fed[0], probeInputs(g, c.N, probe, &inputs))
			probe = forward.MoveProbe(probe, inputs[len(inputs)-1].Node)
			return []*gorgonia.Node{amplitude, probe.Re, probe.Im}
		})
		if err != nil {
			return nil, err
		}
	}
	net, err := models.Build(c, fed, leaves)
	if err != nil {
		return nil, err
	}
	return &program.Program{
		Name:    "ptyx",
		Doc:     "Diffraction patterns to complex object patches: object = amplitude * exp(i phase).",
		Inputs:  inputs,
		Outputs: outputs(net),
		Names:   net.Names,
	}, nil
}

// Names of the first dimension of the probes and of the offsets: 1, or the batch.
const (
	probesDim  = "probes"
	offsetsDim = "offsets"
)

// outputs are the amplitude and phase of a network that computes them, else the real and the imaginary part.
func outputs(net *models.Net) []program.Output {
	if net.Amplitude == nil {
		return []program.Output{
			{Name: ObjectReName, Node: net.Object.Re, Doc: "Real part of the object patch."},
			{Name: ObjectImName, Node: net.Object.Im, Doc: "Imaginary part of the object patch."},
			{Name: LogVarianceName, Node: net.LogVariance, Doc: "Natural logarithm of the variance of the object " +
				"patch, the mean of |error|^2, real and imaginary part together."},
		}
	}
	return []program.Output{
		{Name: AmplitudeName, Node: net.Amplitude, Doc: "Amplitude of the object patch; 0 outside the object extent."},
		{Name: PhaseName, Node: net.Phase, Doc: "Phase of the object patch in radians."},
	}
}

// probeInputs adds the inputs of a network that takes the probe: the probe (B or 1, 1, N, N), which it returns, with
// its default, and the offset by which the graph moves it.
func probeInputs(g *gorgonia.ExprGraph, n int, probe *models.ComplexArray, inputs *[]program.Input) forward.Pair {
	leaf := func(name string) *gorgonia.Node { return program.Leaf(g, name, 1, 1, n, n) }
	parts := forward.Pair{Re: leaf(models.ProbeReInput), Im: leaf(models.ProbeImInput)}
	offset := program.Leaf(g, OffsetName, 1, 2)
	re, im := ndarray.New[float32](1, 1, n, n), ndarray.New[float32](1, 1, n, n)
	for i := range re.Data {
		re.Data[i], im.Data[i] = real(probe.Data[i]), imag(probe.Data[i])
	}
	*inputs = append(*inputs,
		program.Input{Name: models.ProbeReInput, Node: parts.Re, Batch: probesDim, Default: re,
			Doc: "Real part of the probe: |FFT2(probe * object)|^2 / N^2 is in photons. One, or one for each pattern."},
		program.Input{Name: models.ProbeImInput, Node: parts.Im, Batch: probesDim, Default: im,
			Doc: "Imaginary part of the probe."},
		program.Input{Name: OffsetName, Node: offset, Batch: offsetsDim, Default: ndarray.New[float32](1, 2),
			Doc: "Subpixel part (x, y) of the position, c - round(c), in pixels. One, or one for each pattern."})
	return parts
}

// Checkpoint writes a trained network: standard operators only, symbolic batch, and the data contract. The caller says
// in meta what is known of the training. Checkpoint fills in the network, the version and the digest of the probe. A
// contract that a reader would refuse gives an error.
func Checkpoint(c models.Config, params []*models.Array, meta Contract) (*Model, error) {
	program, err := Network(c, params, meta.Probe, 1)
	if err != nil {
		return nil, fmt.Errorf("building the checkpoint: %w", err)
	}
	if meta.Probe == nil {
		return nil, errors.New("building the checkpoint: the contract has no probe")
	}
	c.Describe(&meta)
	meta.PtyxVersion, meta.ProbeDigest = cmp.Or(meta.PtyxVersion, version.String), optics.ProbeDigest(meta.Probe)
	model, err := Lower(program, onnxir.Target{})
	if err != nil {
		return nil, err
	}
	model.ProducerName, model.ProducerVersion = "ptyx", version.String
	model.Doc = "Trained by ptyx. The metadata hold the data contract: what to feed, and what comes out."
	model.Metadata = meta.Properties()
	if _, err := contract.Parse(model); err != nil {
		return nil, fmt.Errorf("building the checkpoint: %w", err)
	}
	return model, nil
}

// ReadContract reads the contract of a checkpoint's bytes. Other files and damaged ones give an error.
func ReadContract(data []byte) (Contract, error) {
	model, err := onnxir.Unmarshal(data)
	if err != nil {
		return Contract{}, fmt.Errorf("reading the model: %w", err)
	}
	return contract.Parse(model)
}
