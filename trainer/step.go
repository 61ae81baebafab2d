package trainer

import (
	"slices"

	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/models"
)

// StepConfig fixes the graph of a training step.
type StepConfig struct {
	Net     models.Config
	Samples int // per step, S
	Group   int // patterns per sample, C: the network's channels, or patterns that share a canvas
	Scans   int // P, each with its own probe; 0 and 1: a single one
	Canvas  int // side of the canvas on which a group's patches must agree, K; 0: none
	Loss    Loss
	// Floors of the intensity in the terms Poisson and MAE, in units of the mean intensity.
	PoissonFloor, AmplitudeFloor float32

	TrainProbe bool // the probe is a parameter, not a constant input
	Masked     bool // some detector pixels were not measured and do not count; not with Supervised
	Supervised bool // the object is compared with the truth, without physics
	Anchored   bool // where the light is weak, patches stay near those of the first parameters
}

// shape is the shape (B, C, N, N) of a step's patterns: (S, C, N, N) where C is the network's channels, (S*C, 1, N, N)
// where the network reads each pattern of a group separately.
func (c StepConfig) shape() []int {
	return []int{c.Samples * c.Group / c.Net.Channels, c.Net.Channels, c.Net.N, c.Net.N}
}

// probeShape is the shape of the probes: (N, N) for a single scan, else (P, N, N).
func (c StepConfig) probeShape() []int {
	if c.Scans > 1 {
		return []int{c.Scans, c.Net.N, c.Net.N}
	}
	return []int{c.Net.N, c.Net.N}
}

// weightShape is the shape of weights that follow from the probe: (N, N) for a single scan, else (B, C, N, N).
func (c StepConfig) weightShape() []int {
	if c.Scans > 1 {
		return c.shape()
	}
	return []int{c.Net.N, c.Net.N}
}

// Step is the graph of one training step: batch in, loss and gradients out.
//
// Inputs, in order: the batch (see batchInputs); the network's parameters; probe.re and probe.im,
// (N, N) or (P, N, N), unless the step is supervised; the first parameters if the step is anchored. Outputs: the loss,
// the gradient of each trained parameter, and those of the probe if it is trained.
type Step struct {
	Config   StepConfig
	Training *program.Program // loss and gradients
	Loss     *program.Program // loss alone, for validation
}

// NewStep builds the graph.
func NewStep(c StepConfig) (*Step, error) {
	a := &assembly{config: c, graph: gorgonia.NewGraph(), batch: map[string]*gorgonia.Node{}}
	var inputs []program.Input
	leaf := func(name string, shape []int) *gorgonia.Node {
		node := program.Leaf(a.graph, name, shape...)
		inputs = append(inputs, program.Input{Name: name, Node: node})
		return node
	}
	for _, in := range batchInputs(c) {
		a.batch[in.name] = leaf(in.name, in.shape)
	}
	var params []*gorgonia.Node
	for _, s := range c.Net.Specs() {
		params = append(params, leaf(s.Name, s.Shape))
	}
	if c.needsProbe() {
		a.probe = forward.Pair{Re: leaf("probe.re", c.probeShape()), Im: leaf("probe.im", c.probeShape())}
	}
	var start []*gorgonia.Node
	if c.Anchored {
		for _, s := range c.Net.Specs() {
			start = append(start, leaf("start."+s.Name, s.Shape))
		}
	}
	fed, err := ops.Build("the network's inputs", a.networkInputs)
	if err != nil {
		return nil, err
	}
	if a.net, err = models.Build(c.Net, fed, params); err != nil {
		return nil, err
	}
	if c.Anchored {
		if a.distance, err = a.anchor(fed, start); err != nil {
			return nil, err
		}
	}
	leaves := slices.Clone(params)
	if c.TrainProbe {
		leaves = append(leaves, a.probe.Re, a.probe.Im)
	}
	outputs, err := ops.Build("building the loss", func() []program.Output { return a.outputs(leaves) })
	if err != nil {
		return nil, err
	}
	return &Step{
		Config:   c,
		Training: &program.Program{Name: "training_step", Inputs: inputs, Outputs: outputs, Names: a.net.Names},
		Loss:     &program.Program{Name: "loss", Inputs: inputs, Outputs: outputs[:1], Names: a.net.Names},
	}, nil
}

// assembly holds the nodes that the terms of a loss are built from.
type assembly struct {
	config  StepConfig
	graph   *gorgonia.ExprGraph
	batch   map[string]*gorgonia.Node // by name
	probe   forward.Pair              // (N, N) or (P, N, N)
	shifted forward.Pair              // (B, C, N, N), the probe of each pattern at its subpixel position
	net     *models.Net
	patches forward.Pair   // (B, C, N, N), of one phase, if patches share a canvas
	object  forward.Pair   // (B, C, N, N), merged on the canvas if patches share one
	weight  *gorgonia.Node // (B, C, 1, 1), or (B, C, N, N) with a mask

	distance *gorgonia.Node // from the patches of the first parameters, (); nil unless anchored

	// In mode physics, in units of the mean intensity.
	intensity *gorgonia.Node // (B, C, N, N), modelled
	measured  *gorgonia.Node // (B, C, N, N)
}

// needsProbe reports whether the step has probes: for the physics, or for the network.
func (c StepConfig) needsProbe() bool { return !c.Supervised || c.Net.TakesProbe() }

// outputs are the loss and the gradients of the leaves, the parameters and the trained probe. The gradients are those
// of the loss and the anchor.
func (a *assembly) outputs(leaves []*gorgonia.Node) []program.Output {
	loss := a.loss()
	descended := loss
	if a.distance != nil {
		descended = ops.Add(loss, ops.Affine(a.distance, anchorWeight, 0))
	}
	outputs := lossAndGradients(descended, a.varianceLoss(), leaves, a.config.Net.Specs())
	outputs[0].Node = loss
	return outputs
}

// lossAndGradients are the loss and the gradients of the leaves, of which the first are the parameters. The parameters
// of the variance have the gradient of a loss of their own, all others that of the loss: so the object learns the same
// with the variance as without. Without a loss of the variance (nil) its parameters stay.
func lossAndGradients(loss, variance *gorgonia.Node, leaves []*gorgonia.Node, specs []models.Spec) []program.Output {
	ofVariance := func(i int) bool { return i < len(specs) && specs[i].Variance }
	var own, others []*gorgonia.Node
	for i, leaf := range leaves {
		if ofVariance(i) {
			own = append(own, leaf)
		} else {
			others = append(others, leaf)
		}
	}
	grads := program.Gradients(loss, others)
	var varianceGrads []*gorgonia.Node
	if variance != nil {
		varianceGrads = program.Gradients(variance, own)
	} else {
		for _, leaf := range own {
			varianceGrads = append(varianceGrads, ops.Affine(leaf, 0, 0))
		}
	}
	outputs := []program.Output{{Name: "loss", Node: loss}}
	for i, leaf := range leaves {
		from := &grads
		if ofVariance(i) {
			from = &varianceGrads
		}
		outputs = append(outputs, program.Output{Name: "grad." + leaf.Name(), Node: (*from)[0]})
		*from = (*from)[1:]
	}
	return outputs
}

// networkInputs moves the probes to each pattern's subpixel position, and lists what the network is fed with.
func (a *assembly) networkInputs() []*gorgonia.Node {
	c := a.config
	if c.needsProbe() {
		probe := a.probe
		if c.Scans > 1 {
			probe = forward.PickProbe(probe, a.batch[scanInput], c.shape()) // (B, C, N, N)
		}
		a.shifted = forward.ShiftProbe(probe, a.batch[shiftYInput], a.batch[shiftXInput])
	}
	if c.Net.TakesProbe() {
		amplitude, probe := forward.Normalised(a.amplitude(), a.shifted)
		return []*gorgonia.Node{amplitude, probe.Re, probe.Im}
	}
	return []*gorgonia.Node{a.batch[amplitudeInput]}
}

// amplitude is the measured amplitude (B, C, N, N) in units of the root of the mean intensity. Scaled for the network
// it has a power of (N/2)^2 per pattern (PtychoPINN's convention), a quarter of the N^2 of a mean intensity of 1.
func (a *assembly) amplitude() *gorgonia.Node {
	return ops.Affine(a.batch[amplitudeInput], float32(2*a.config.Net.InputScale), 0)
}

// canvas is that of the groups.
func (a *assembly) canvas() forward.Canvas {
	return forward.Canvas{
		Group: a.config.Group, Weight: a.batch[overlapInput], PlaceY: a.batch[placeYInput],
		PlaceX: a.batch[placeXInput],
	}
}

// truth is the known object of a supervised step.
func (a *assembly) truth() forward.Truth {
	return forward.Truth{
		Amplitude: a.batch[truthInput], Share: a.batch[shareInput],
		Phase: forward.Pair{Re: a.batch[truthReInput], Im: a.batch[truthImInput]},
	}
}

// agreeRounds is how often the patches of a group are turned to one phase before they are merged: a stitched scan has
// one, so the network need not learn it (docs/dev/decisions.md).
const agreeRounds = 2

// loss builds the path from the network's object to the loss, ().
func (a *assembly) loss() *gorgonia.Node {
	c := a.config
	a.object, a.weight = a.net.Object, a.batch[weightInput]
	if c.Supervised {
		return c.Loss.total(a)
	}
	if c.Canvas > 0 {
		a.patches = a.canvas().Agree(a.net.Object, agreeRounds)
		a.object = a.canvas().Merge(a.patches)
	}
	a.intensity = forward.Diffract(a.shifted, a.object)
	amplitude := a.amplitude()
	a.measured = ops.Mul(amplitude, amplitude)
	if c.Masked {
		a.weight = ops.Mul(a.weight, a.batch[maskInput])
	}
	return c.Loss.total(a)
}
