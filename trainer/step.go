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
	Samples    int     // samples per step, S
	Group      int     // patterns per sample, C: the network's channels, or patterns that share a canvas
	Scans      int     // scans that patterns may be of, P, each with a probe of its own; 0 and 1: a single one
	Canvas     int     // size of the canvas on which a group's patches must agree, K; 0: they need not
	Loss       Loss    //
	Epsilon    float32 // floor of the intensity inside the likelihood, in units of the mean intensity
	TrainProbe bool    // the probe is a parameter, not a constant input
}

// shape is that of the patterns of a step: (S, C, N, N) where C is the network's channels, (S*C, 1, N, N) where one
// network sees every pattern of a group by itself.
func (c StepConfig) shape() []int {
	return []int{c.Samples * c.Group / c.Net.Channels, c.Net.Channels, c.Net.N, c.Net.N}
}

// probeShape is that of the probes: (N, N) for a single scan, else (P, N, N).
func (c StepConfig) probeShape() []int {
	if c.Scans > 1 {
		return []int{c.Scans, c.Net.N, c.Net.N}
	}
	return []int{c.Net.N, c.Net.N}
}

// weightShape is that of weights that follow from the probe: one (N, N) for all patterns of a single scan, else one for
// each pattern.
func (c StepConfig) weightShape() []int {
	if c.Scans > 1 {
		return c.shape()
	}
	return []int{c.Net.N, c.Net.N}
}

// Step is the graph of one training step: batch in, loss and gradients out.
//
// Inputs, in order: those of a batch (see batchArrays); the network's parameters (also those that are not trained); probe.re and probe.im, (N, N) or
// (P, N, N). Outputs: the loss, then the gradient of each trained parameter, then those of the probe if it is trained.
type Step struct {
	Config   StepConfig
	Training *graph.Program // loss and gradients
	Loss     *graph.Program // loss alone, for validation
}

// NewStep builds the graph.
func NewStep(c StepConfig) (*Step, error) {
	g := gorgonia.NewGraph()
	batch := map[string]*gorgonia.Node{}
	var inputs []graph.Input
	for _, a := range newBatchArrays(c).list() {
		batch[a.name] = graph.Leaf(g, a.name, a.array.Shape...)
		inputs = append(inputs, graph.Input{Name: a.name, Node: batch[a.name]})
	}
	var params []*gorgonia.Node
	for _, s := range c.Net.Specs() {
		leaf := graph.Leaf(g, s.Name, s.Shape...)
		params = append(params, leaf)
		inputs = append(inputs, graph.Input{Name: s.Name, Node: leaf})
	}
	probe := forward.Pair{Re: graph.Leaf(g, "probe.re", c.probeShape()...), Im: graph.Leaf(g, "probe.im", c.probeShape()...)}
	inputs = append(inputs, graph.Input{Name: "probe.re", Node: probe.Re}, graph.Input{Name: "probe.im", Node: probe.Im})

	net, err := models.Build(c.Net, batch[amplitudeInput], params)
	if err != nil {
		return nil, err
	}
	loss, err := c.loss(g, net, probe, batch)
	if err != nil {
		return nil, fmt.Errorf("building the physics: %w", err)
	}
	leaves := params[:c.Net.Trained():c.Net.Trained()] // what the loss is differentiated by
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
func (c StepConfig) loss(g *gorgonia.ExprGraph, net *models.Net, probe forward.Pair, batch map[string]*gorgonia.Node) (*gorgonia.Node, error) {
	object, err := forward.Object(net.Amplitude, net.Phase) // (B, C, N, N)
	if err != nil {
		return nil, err
	}
	if c.Canvas > 0 {
		canvas := forward.Canvas{Group: c.Group, Weight: batch[overlapInput], PlaceY: batch[placeYInput], PlaceX: batch[placeXInput]}
		if object, err = canvas.Merge(object); err != nil {
			return nil, err
		}
	}
	if c.Scans > 1 {
		if probe, err = forward.PickProbe(probe, batch[scanInput], c.shape()); err != nil {
			return nil, err
		}
	}
	shifted, err := forward.ShiftProbe(probe, batch[shiftYInput], batch[shiftXInput]) // (B, C, N, N)
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
	measured, err := measuredIntensity(batch[amplitudeInput], c.Net.InputScale)
	if err != nil {
		return nil, err
	}
	return c.total(g, object, intensity, measured, batch)
}

// total is the weighted sum of the loss's terms.
func (c StepConfig) total(g *gorgonia.ExprGraph, object forward.Pair, intensity, measured *gorgonia.Node, batch map[string]*gorgonia.Node) (*gorgonia.Node, error) {
	weight := batch[weightInput]
	var nodes []*gorgonia.Node
	var factors []float64
	for _, term := range []struct {
		factor float64
		build  func() (*gorgonia.Node, error)
	}{
		{c.Loss.Poisson, func() (*gorgonia.Node, error) { return forward.Poisson(intensity, measured, weight, c.Epsilon) }},
		{c.Loss.MAE, func() (*gorgonia.Node, error) { return forward.AmplitudeMAE(intensity, measured, weight, c.Epsilon) }},
		{c.Loss.Smoothness, func() (*gorgonia.Node, error) { return variation(g, object, batch) }},
	} {
		if term.factor == 0 {
			continue
		}
		node, err := term.build()
		if err != nil {
			return nil, err
		}
		nodes, factors = append(nodes, node), append(factors, term.factor)
	}
	return forward.Total(nodes, factors)
}

// variation is the object's total variation where the probe lights it.
func variation(g *gorgonia.ExprGraph, object forward.Pair, batch map[string]*gorgonia.Node) (*gorgonia.Node, error) {
	n := object.Re.Shape()[3]
	difference, err := graph.Constant(g, "difference", ndarray.Wrap(physics.DifferenceMatrix(n), n, n))
	if err != nil {
		return nil, err
	}
	return forward.Variation(object, difference, batch[litInput], batch[weightInput])
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
