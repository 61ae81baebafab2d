package solve

import (
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// stepConfig are the parameters of the graph of a batch.
type stepConfig struct {
	n          int  // pixels of a pattern
	patterns   int  // per run, B
	modes      int  // of the probe, K
	variable   int  // modes of the probe, V
	offset     bool // a background adds to the intensities
	varies     bool // each pattern has its own factors of modes and variable modes
	likelihood Likelihood
	measured   []bool  // (N*N), pixels that count; nil: all
	floor      float32 // added to intensities in the misfit, in units of the mean intensity
	background float32 // added to intensities and counts in the Poisson likelihood, in the same units
}

// stepArrays are the inputs and outputs of a run.
type stepArrays struct {
	objectRe, objectIm *ndarray.Float32 // (B, 1, N, N), patches cut at whole pixels
	probeRe, probeIm   *ndarray.Float32 // (K+V, N, N), shared by all replicas
	shiftY, shiftX     *ndarray.Float32 // (B, 1, N, N), matrices of the subpixel shifts
	measured           *ndarray.Float32 // (B, 1, N, N), amplitudes
	factors            *ndarray.Float32 // (B*K, K+V), of the probe's planes in each mode; nil: they do not vary
	offset             *ndarray.Float32 // (1, 1, N, N), intensity that adds to all patterns; nil: none

	offsetGrad               *ndarray.Float32 // (1, 1, N, N), summed over the batch; nil without offset
	misfit                   *ndarray.Float32 // (B, 1, 1, 1), sum (|F| - d)^2 of each pattern
	loss                     *ndarray.Float32 // the likelihood, scaled
	objectGradRe             *ndarray.Float32 // (B, 1, N, N), of the likelihood
	objectGradIm             *ndarray.Float32
	probeGradRe, probeGradIm *ndarray.Float32 // (K+V, N, N), summed over the batch
	factorGrad               *ndarray.Float32 // (B*K, K+V); nil without factors
}

func newStepArrays(c stepConfig, probeRe, probeIm *ndarray.Float32) *stepArrays {
	patch := func() *ndarray.Float32 { return ndarray.New[float32](c.patterns, 1, c.n, c.n) }
	probe := func() *ndarray.Float32 { return ndarray.New[float32](c.modes+c.variable, c.n, c.n) }
	a := &stepArrays{
		objectRe: patch(), objectIm: patch(), probeRe: probeRe, probeIm: probeIm,
		shiftY: patch(), shiftX: patch(), measured: patch(),
		misfit: ndarray.New[float32](c.patterns, 1, 1, 1), loss: ndarray.New[float32](),
		objectGradRe: patch(), objectGradIm: patch(), probeGradRe: probe(), probeGradIm: probe(),
	}
	if c.varies {
		a.factors = ndarray.New[float32](c.patterns*c.modes, c.modes+c.variable)
		a.factorGrad = ndarray.New[float32](a.factors.Shape...)
	}
	if c.offset {
		a.offset, a.offsetGrad = ndarray.New[float32](1, 1, c.n, c.n), ndarray.New[float32](1, 1, c.n, c.n)
	}
	return a
}

func (a *stepArrays) inputs() []*ndarray.Float32 {
	list := []*ndarray.Float32{a.objectRe, a.objectIm, a.probeRe, a.probeIm, a.shiftY, a.shiftX, a.measured}
	if a.factors != nil {
		list = append(list, a.factors)
	}
	if a.offset != nil {
		list = append(list, a.offset)
	}
	return list
}

func (a *stepArrays) outputs() []*ndarray.Float32 {
	list := []*ndarray.Float32{a.misfit, a.loss, a.objectGradRe, a.objectGradIm, a.probeGradRe, a.probeGradIm}
	if a.factorGrad != nil {
		list = append(list, a.factorGrad)
	}
	if a.offsetGrad != nil {
		list = append(list, a.offsetGrad)
	}
	return list
}

// newStep builds the graph of a batch: patches and probe in, misfit, likelihood and gradients out, in the order of
// stepArrays.
//
// The loss is scaled such that minus its gradient by the exit wave psi, re + i im, is the residual of psi. For the
// amplitude it is half the sum of squares: minus its gradient is F^-1[(d/|F| - 1) F psi], the step from psi to its
// projection on the measured moduli. For Poisson it is a quarter of the likelihood, which is the same near the
// solution.
func newStep(c stepConfig) (*program.Program, error) {
	return ops.Build("building the solver's step", func() *program.Program { return buildStep(c) })
}

func buildStep(c stepConfig) *program.Program {
	g := gorgonia.NewGraph()
	shape := []int{c.patterns, 1, c.n, c.n}
	leaf := func(name string, shape ...int) *gorgonia.Node { return program.Leaf(g, name, shape...) }
	object := forward.Pair{Re: leaf("object.re", shape...), Im: leaf("object.im", shape...)}
	planes := c.modes + c.variable
	probe := forward.Pair{Re: leaf("probe.re", planes, c.n, c.n), Im: leaf("probe.im", planes, c.n, c.n)}
	shiftY, shiftX, measured := leaf("shift.y", shape...), leaf("shift.x", shape...), leaf("measured", shape...)

	leaves := []*gorgonia.Node{object.Re, object.Im, probe.Re, probe.Im}
	inputs := []*gorgonia.Node{shiftY, shiftX, measured}
	if c.varies {
		factors := leaf("factors", c.patterns*c.modes, planes)
		probe = forward.PickProbe(probe, factors, []int{c.patterns, c.modes, c.n, c.n})
		leaves, inputs = append(leaves, factors), append(inputs, factors)
	}
	intensity := forward.SumModes(forward.Diffract(forward.ShiftProbe(probe, shiftY, shiftX), object)) // (B, 1, N, N)
	if c.offset {
		offset := leaf("offset", 1, 1, c.n, c.n)
		intensity = ops.Add(intensity, offset)
		leaves, inputs = append(leaves, offset), append(inputs, offset)
	}
	if c.measured != nil {
		intensity = c.masked(intensity)
	}
	squares := forward.AmplitudeSquares(intensity, measured, c.floor)
	misfit := ops.SumTo(squares, tensor.Shape{c.patterns, 1, 1, 1})
	// The loss does not sum the misfits again: ONNX Runtime rounds the sum of an output as its address is aligned.
	loss := likelihoods[c.likelihood].graph(c, intensity, measured, squares)
	grads := program.Gradients(loss, leaves)
	p := &program.Program{
		Name: "solver_step", Outputs: []program.Output{{Name: "misfit", Node: misfit}, {Name: "loss", Node: loss}},
	}
	for _, in := range slices.Concat(leaves[:4], inputs) {
		p.Inputs = append(p.Inputs, program.Input{Name: in.Name(), Node: in})
	}
	for i, grad := range grads {
		p.Outputs = append(p.Outputs, program.Output{Name: "grad." + leaves[i].Name(), Node: grad})
	}
	return p
}

// masked is the intensity with 0 at the pixels that do not count, as in the patterns: they add no loss and no gradient.
func (c stepConfig) masked(intensity *gorgonia.Node) *gorgonia.Node {
	mask := ndarray.New[float32](c.n, c.n)
	for i, m := range c.measured {
		if m {
			mask.Data[i] = 1
		}
	}
	return ops.Mul(intensity, program.Constant(intensity.Graph(), "mask", mask))
}

// poisson is the scaled Poisson likelihood.
func (c stepConfig) poisson(intensity, measured, _ *gorgonia.Node) *gorgonia.Node {
	weight := ndarray.New[float32](1, 1, 1, 1)
	weight.Data[0] = float32(c.n*c.n) / 4 // Poisson is a mean over the pixels
	counts := ops.Mul(measured, measured)
	return forward.Poisson(intensity, counts, program.Constant(intensity.Graph(), "weight", weight), c.background)
}
