package export

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/version"
	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/onnxir"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/models"
)

// Names of a checkpoint's input and outputs.
const (
	InputName     = "amplitude_measured"
	AmplitudeName = "amplitude"
	PhaseName     = "phase"
)

// Network is the program of a network alone: raw amplitudes (B, C, N, N) in, amplitude and phase of the object patches
// (B, C, N, N) out, parameters as constants.
func Network(c models.Config, params []*ndarray.Float32, batch int) (*program.Program, error) {
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
	x := program.Leaf(g, InputName, batch, c.Channels, c.N, c.N)
	net, err := models.Build(c, x, leaves)
	if err != nil {
		return nil, err
	}
	return &program.Program{
		Name: "ptyx",
		Doc:  "Diffraction patterns to complex object patches: object = amplitude * exp(i phase).",
		Inputs: []program.Input{{
			Name: InputName, Node: x, Batched: true,
			Doc: "Measured amplitudes, the square root of photon counts, zero frequency at [N/2, N/2]. Normalisation is inside the graph.",
		}},
		Outputs: []program.Output{
			{Name: AmplitudeName, Node: net.Amplitude, Doc: "Amplitude of the object patch; 0 outside the object extent."},
			{Name: PhaseName, Node: net.Phase, Doc: "Phase of the object patch in radians."},
		},
		Names: net.Names,
	}, nil
}

// Checkpoint writes a trained network with its data contract: standard operators only, symbolic batch.
func Checkpoint(c models.Config, params []*ndarray.Float32, meta contract.Contract) (*onnxir.Model, error) {
	program, err := Network(c, params, 1)
	if err != nil {
		return nil, fmt.Errorf("building the checkpoint: %w", err)
	}
	model, err := Lower(program, onnxir.Target{})
	if err != nil {
		return nil, err
	}
	model.ProducerName, model.ProducerVersion = "ptyx", version.String
	model.Doc = "Trained by ptyx. The metadata hold the data contract: what to feed, and what comes out."
	model.Metadata = meta.Properties()
	return model, nil
}
