package trainer

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"ptyx/internal/forward"
	"ptyx/internal/graph"
	"ptyx/internal/ndarray"
	"ptyx/internal/ops"
	"ptyx/internal/physics"
	"ptyx/models"
)

// StepConfig fixes the graph of a training step.
type StepConfig struct {
	Net        models.Config
	Batch      int     // samples per step, B
	Loss       Loss    //
	Epsilon    float32 // floor of the intensity inside the likelihood, in units of the mean intensity
	TrainProbe bool    // the probe is a parameter, not a constant input
}

// Step is the graph of one training step: batch in, loss and gradients out.
//
// Inputs, in order: amplitude (B, C, N, N), raw; shift_y and shift_x (B, C, N, N), the matrices of the subpixel probe
// shifts; weight (B, C, 1, 1), summing to 1, 0 for padding of an incomplete batch; the network's parameters; probe.re and
// probe.im (N, N). Outputs: the loss, then the gradient of each parameter, then those of the probe if it is trained.
type Step struct {
	Config   StepConfig
	Training *graph.Program // loss and gradients
	Loss     *graph.Program // loss alone, for validation
}

// batchInputs is the number of inputs that change with every batch.
const batchInputs = 4

// NewStep builds the graph.
func NewStep(c StepConfig) (*Step, error) {
	g := gorgonia.NewGraph()
	n, ch := c.Net.N, c.Net.Channels
	batch := []graph.Input{
		{Name: "amplitude", Node: graph.Leaf(g, "amplitude", c.Batch, ch, n, n)},
		{Name: "shift_y", Node: graph.Leaf(g, "shift_y", c.Batch, ch, n, n)},
		{Name: "shift_x", Node: graph.Leaf(g, "shift_x", c.Batch, ch, n, n)},
		{Name: "weight", Node: graph.Leaf(g, "weight", c.Batch, ch, 1, 1)},
	}
	inputs := batch
	var leaves []*gorgonia.Node
	for _, s := range c.Net.Specs() {
		leaf := graph.Leaf(g, s.Name, s.Shape...)
		leaves = append(leaves, leaf)
		inputs = append(inputs, graph.Input{Name: s.Name, Node: leaf})
	}
	probe := forward.Pair{Re: graph.Leaf(g, "probe.re", n, n), Im: graph.Leaf(g, "probe.im", n, n)}
	inputs = append(inputs, graph.Input{Name: "probe.re", Node: probe.Re}, graph.Input{Name: "probe.im", Node: probe.Im})

	net, err := models.Build(c.Net, batch[0].Node, leaves)
	if err != nil {
		return nil, err
	}
	loss, err := c.loss(g, net, probe, batch)
	if err != nil {
		return nil, fmt.Errorf("building the physics: %w", err)
	}
	if c.TrainProbe {
		leaves = append(leaves, probe.Re, probe.Im)
	}
	grads, err := graph.Gradients(loss, leaves)
	if err != nil {
		return nil, err
	}
	outputs := []graph.Output{{Name: "loss", Node: loss}}
	for i, grad := range grads {
		outputs = append(outputs, graph.Output{Name: "grad." + leaves[i].Name(), Node: grad})
	}
	return &Step{
		Config:   c,
		Training: &graph.Program{Name: "training_step", Inputs: inputs, Outputs: outputs, Names: net.Names},
		Loss:     &graph.Program{Name: "loss", Inputs: inputs, Outputs: outputs[:1], Names: net.Names},
	}, nil
}

// loss is the path from the network's object to the likelihood.
func (c StepConfig) loss(g *gorgonia.ExprGraph, net *models.Net, probe forward.Pair, batch []graph.Input) (*gorgonia.Node, error) {
	amplitude, shiftY, shiftX, weight := batch[0].Node, batch[1].Node, batch[2].Node, batch[3].Node
	object, err := forward.Object(net.Amplitude, net.Phase) // (B, C, N, N)
	if err != nil {
		return nil, err
	}
	shifted, err := forward.ShiftProbe(probe, shiftY, shiftX) // (B, C, N, N)
	if err != nil {
		return nil, err
	}
	exit, err := forward.ExitWave(shifted, object)
	if err != nil {
		return nil, err
	}
	dft, err := dftConstants(g, c.Net.N)
	if err != nil {
		return nil, err
	}
	detector, err := forward.Propagate(exit, dft)
	if err != nil {
		return nil, err
	}
	intensity, err := forward.Intensity(detector)
	if err != nil {
		return nil, err
	}
	measured, err := measuredIntensity(amplitude, c.Net.InputScale)
	if err != nil {
		return nil, err
	}
	return c.Loss.build(intensity, measured, weight, c.Epsilon)
}

// measuredIntensity is the square of the amplitudes in units of the mean intensity. The network's input is normalised to
// a power of (N/2)^2 per pattern (PtychoPINN's convention), a quarter of the N^2 of a mean intensity of 1.
func measuredIntensity(amplitude *gorgonia.Node, inputScale float64) (*gorgonia.Node, error) {
	scaled, err := ops.Affine(amplitude, float32(2*inputScale), 0)
	if err != nil {
		return nil, err
	}
	return ops.Mul(scaled, scaled)
}

func dftConstants(g *gorgonia.ExprGraph, n int) (forward.Pair, error) {
	re, im := physics.DFTMatrix(n)
	reNode, err := graph.Constant(g, "dft.re", ndarray.Wrap(re, n, n))
	if err != nil {
		return forward.Pair{}, err
	}
	imNode, err := graph.Constant(g, "dft.im", ndarray.Wrap(im, n, n))
	return forward.Pair{Re: reNode, Im: imNode}, err
}
