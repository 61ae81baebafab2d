package trainer

import (
	"slices"

	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/models"
)

// PretrainLoss holds the weights of the terms that a pretraining minimises beside the error of the object.
type PretrainLoss struct {
	Merged  float64 `yaml:"merged_weight"`  // error of the objects that a group's patches are merged to
	Middle  float64 `yaml:"middle_weight"`  // error of the objects after the inner stages
	Poisson float64 `yaml:"poisson_weight"` // misfit of the patterns, nats per photon above the floor
}

// sampleStep is the graph of a step of the pretraining on simulated patterns of one size.
//
// Inputs, in order: sampleInputs; the network's parameters. Outputs of training: the loss and the gradient of each
// parameter. Outputs of answer, which reads patterns and probes alone: the network's object,
// real and imaginary part, and its log-variance.
type sampleStep struct {
	net              models.Config
	batch            int // patterns, B, in groups
	training, answer *program.Program
}

// Names of the inputs of a sampleStep. Patterns and probes have the unit in which the probe's mean intensity is 1; the
// probe is at the subpixel position of its pattern.
const (
	sampleAmplitude = "amplitude"
	sampleProbeRe   = "probe.re"
	sampleProbeIm   = "probe.im"
	sampleTruthRe   = "truth.re"
	sampleTruthIm   = "truth.im"
	sampleShare     = "share"   // of each pixel in the squared error of its patch
	samplePlaceY    = "place_y" // of forward.Canvas, on a canvas of canvasWindows * N pixels a side
	samplePlaceX    = "place_x"
)

// canvasWindows is the side of the canvas of a group, in windows.
const canvasWindows = 2

// answerInputs is the number of sampleInputs that an answer reads.
const answerInputs = 3

// sampleInput is an input of (B, 1, N, N) or, of the canvas, of (B, 1, N, canvasWindows * N).
type sampleInput struct {
	name     string
	ofCanvas bool
}

func sampleInputs() []sampleInput {
	return []sampleInput{
		{sampleAmplitude, false}, {sampleProbeRe, false}, {sampleProbeIm, false}, {sampleTruthRe, false},
		{sampleTruthIm, false}, {sampleShare, false}, {samplePlaceY, true}, {samplePlaceX, true},
	}
}

// shape is that of the input for a batch of patterns of n x n pixels.
func (s sampleInput) shape(batch, n int) []int {
	if s.ofCanvas {
		return []int{batch, 1, n, canvasWindows * n}
	}
	return []int{batch, 1, n, n}
}

// newSampleStep builds the graphs for a batch of groups. total is the number of patterns in the batches of all
// replicas.
func newSampleStep(net models.Config, batch, group, total int, loss PretrainLoss) (*sampleStep, error) {
	g := gorgonia.NewGraph()
	var inputs []program.Input
	leaf := func(name string, shape ...int) *gorgonia.Node {
		node := program.Leaf(g, name, shape...)
		inputs = append(inputs, program.Input{Name: name, Node: node})
		return node
	}
	in := map[string]*gorgonia.Node{}
	for _, s := range sampleInputs() {
		in[s.name] = leaf(s.name, s.shape(batch, net.N)...)
	}
	var params []*gorgonia.Node
	for _, s := range net.Specs() {
		params = append(params, leaf(s.Name, s.Shape...))
	}
	fed := []*gorgonia.Node{in[sampleAmplitude], in[sampleProbeRe], in[sampleProbeIm]}
	built, err := models.Build(net, fed, params)
	if err != nil {
		return nil, err
	}
	outputs, err := ops.Build("building the loss of the pretraining", func() []program.Output {
		loss, variance := loss.build(in, built, group, float32(1/float64(total)))
		return lossAndGradients(loss, variance, params, net.Specs())
	})
	if err != nil {
		return nil, err
	}
	answers := []program.Output{
		{Name: "object.re", Node: built.Object.Re}, {Name: "object.im", Node: built.Object.Im},
		{Name: "log_variance", Node: built.LogVariance},
	}
	return &sampleStep{
		net: net, batch: batch,
		training: &program.Program{Name: "pretraining_step", Inputs: inputs, Outputs: outputs, Names: built.Names},
		answer: &program.Program{
			Name: "answer", Outputs: answers, Names: built.Names,
			Inputs: append(slices.Clone(inputs[:answerInputs]), inputs[len(sampleInputs()):]...),
		},
	}, nil
}

// errorFloor is the relative error of an object below which a pretraining gains little: a correlation of 0.995.
const errorFloor = 0.3

// build builds the loss of groups of patterns that weigh each the given amount, and that of the variance, () each.
func (l PretrainLoss) build(
	in map[string]*gorgonia.Node, net *models.Net, group int, each float32,
) (loss, variance *gorgonia.Node) {
	truth := forward.Pair{Re: in[sampleTruthRe], Im: in[sampleTruthIm]}
	share := in[sampleShare]
	weight := ops.Affine(ops.SumTo(share, []int{share.Shape()[0], 1, 1, 1}), 0, each) // (B, 1, 1, 1)
	pixels := float32(share.Shape()[2] * share.Shape()[3])
	squares := func(object forward.Pair) *gorgonia.Node {
		return forward.Distance(forward.Aligned(object, truth, share, group), truth)
	}
	aligned := forward.Aligned(net.Object, truth, share, group)
	last := forward.Distance(aligned, truth)
	terms, weights := []*gorgonia.Node{forward.LogError(last, share, weight, errorFloor)}, []float64{1}
	add := func(w float64, term func() *gorgonia.Node) {
		if w > 0 {
			terms, weights = append(terms, term()), append(weights, w)
		}
	}
	add(l.Merged, func() *gorgonia.Node {
		merged := forward.Distance(canvas(in, group).Merge(aligned), truth)
		return forward.LogError(merged, share, weight, errorFloor)
	})
	for _, object := range net.Middle {
		add(l.Middle/float64(len(net.Middle)), func() *gorgonia.Node {
			return forward.LogError(squares(object), share, weight, errorFloor)
		})
	}
	add(l.Poisson, func() *gorgonia.Node {
		amplitude := ops.TransposeLast(in[sampleAmplitude])
		pattern := forward.Pattern(forward.Pair{Re: in[sampleProbeRe], Im: in[sampleProbeIm]}, net.Object)
		return forward.Poisson(pattern, ops.Mul(amplitude, amplitude), weight, DefaultFloor)
	})
	lit := ops.Affine(ops.Mul(share, ops.Div(weight, ops.SumTo(share, weight.Shape()))), pixels, 0)
	return forward.Total(terms, weights), forward.Gaussian(net.LogVariance, last, nil, lit)
}

// canvas is that of the groups. It weights the pixels of a patch as a reconstruction does.
func canvas(in map[string]*gorgonia.Node, group int) forward.Canvas {
	light := forward.Intensity(forward.Pair{Re: in[sampleProbeRe], Im: in[sampleProbeIm]})
	return forward.Canvas{
		Group: group, Weight: ops.Div(light, ops.Affine(light, 1, lightKnee)),
		PlaceY: in[samplePlaceY], PlaceX: in[samplePlaceX],
	}
}
