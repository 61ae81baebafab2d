package trainer

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
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
	Masked     bool    // some pixels of the patterns were not measured, and do not count; not with Supervised
	Supervised bool    // the object is compared with the truth, and there is no physics
}

// probed tells whether the probe is an input: the physics needs it, and so does smoothness, but in weights that come with
// the batch.
func (c StepConfig) probed() bool { return !c.Supervised }

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
// Inputs, in order: those of a batch (see batchArrays); the network's parameters, those that are not trained last; probe.re and probe.im, (N, N) or
// (P, N, N), unless the step is supervised. Outputs: the loss, then the gradient of each trained parameter, then those of the probe if it is trained.
type Step struct {
	Config   StepConfig
	Training *program.Program // loss and gradients
	Loss     *program.Program // loss alone, for validation
}

// NewStep builds the graph.
func NewStep(c StepConfig) (*Step, error) {
	g := gorgonia.NewGraph()
	batch := map[string]*gorgonia.Node{}
	var inputs []program.Input
	for _, in := range batchInputs(c) {
		batch[in.name] = program.Leaf(g, in.name, in.shape...)
		inputs = append(inputs, program.Input{Name: in.name, Node: batch[in.name]})
	}
	var params []*gorgonia.Node
	for _, s := range c.Net.Specs() {
		leaf := program.Leaf(g, s.Name, s.Shape...)
		params = append(params, leaf)
		inputs = append(inputs, program.Input{Name: s.Name, Node: leaf})
	}
	probe := forward.Pair{Re: program.Leaf(g, "probe.re", c.probeShape()...), Im: program.Leaf(g, "probe.im", c.probeShape()...)}
	if c.probed() {
		inputs = append(inputs, program.Input{Name: "probe.re", Node: probe.Re}, program.Input{Name: "probe.im", Node: probe.Im})
	}

	net, err := models.Build(c.Net, batch[amplitudeInput], params)
	if err != nil {
		return nil, err
	}
	leaves := params[:c.Net.Trained():c.Net.Trained()] // what the loss is differentiated by
	if c.TrainProbe {
		leaves = append(leaves, probe.Re, probe.Im)
	}
	outputs, err := ops.Build("building the loss", func() []program.Output {
		loss := (&assembly{config: c, graph: g, probe: probe, batch: batch}).loss(net)
		outputs := []program.Output{{Name: "loss", Node: loss}}
		for i, grad := range program.Gradients(loss, leaves) {
			outputs = append(outputs, program.Output{Name: "grad." + leaves[i].Name(), Node: grad})
		}
		return outputs
	})
	if err != nil {
		return nil, err
	}
	return &Step{
		Config:   c,
		Training: &program.Program{Name: "training_step", Inputs: inputs, Outputs: outputs, Names: net.Names},
		Loss:     &program.Program{Name: "loss", Inputs: inputs, Outputs: outputs[:1], Names: net.Names},
	}, nil
}
