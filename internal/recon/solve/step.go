package solve

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// stepConfig fixes the graph of a batch.
type stepConfig struct {
	n          int // pixels of a pattern
	patterns   int // per run, B
	modes      int // of the probe, K
	likelihood Likelihood
	measured   []bool  // (N*N), pixels that count; nil: all
	floor      float32 // added to intensities inside the misfit, in units of the mean intensity
	background float32 // added to intensities and counts inside Poisson's likelihood, in the same units
}

// stepArrays are the inputs and outputs of a run.
type stepArrays struct {
	objectRe, objectIm *ndarray.Float32 // (B, 1, N, N), patches cut at whole pixels
	probeRe, probeIm   *ndarray.Float32 // (K, N, N), shared by all replicas
	shiftY, shiftX     *ndarray.Float32 // (B, 1, N, N), shift matrices of the subpixel rests
	measured           *ndarray.Float32 // (B, 1, N, N), amplitudes

	misfit, loss             *ndarray.Float32 // sum (|F| - d)^2; the likelihood, scaled
	objectGradRe             *ndarray.Float32 // (B, 1, N, N), of the likelihood
	objectGradIm             *ndarray.Float32
	probeGradRe, probeGradIm *ndarray.Float32 // (K, N, N), summed over the batch
}

func newStepArrays(c stepConfig, probeRe, probeIm *ndarray.Float32) *stepArrays {
	patch := func() *ndarray.Float32 { return ndarray.New[float32](c.patterns, 1, c.n, c.n) }
	probe := func() *ndarray.Float32 { return ndarray.New[float32](c.modes, c.n, c.n) }
	return &stepArrays{
		objectRe: patch(), objectIm: patch(), probeRe: probeRe, probeIm: probeIm, shiftY: patch(), shiftX: patch(), measured: patch(),
		misfit: ndarray.New[float32](), loss: ndarray.New[float32](), objectGradRe: patch(), objectGradIm: patch(), probeGradRe: probe(), probeGradIm: probe(),
	}
}

func (a *stepArrays) inputs() []*ndarray.Float32 {
	return []*ndarray.Float32{a.objectRe, a.objectIm, a.probeRe, a.probeIm, a.shiftY, a.shiftX, a.measured}
}

func (a *stepArrays) outputs() []*ndarray.Float32 {
	return []*ndarray.Float32{a.misfit, a.loss, a.objectGradRe, a.objectGradIm, a.probeGradRe, a.probeGradIm}
}

// newStep builds the graph of a batch: patches and probe in, misfit, likelihood and gradients out, in the order of stepArrays.
//
// What is differentiated is scaled such that minus its gradient by the exit wave psi, re + i im, is what psi lacks: for the
// amplitude, half the sum of squares, minus whose gradient is F^-1[(d/|F| - 1) F psi], the step from psi to its projection on
// the measured moduli; for Poisson's likelihood a quarter of it, which near the solution is the same.
func newStep(c stepConfig) (*program.Program, error) {
	g := gorgonia.NewGraph()
	shape := []int{c.patterns, 1, c.n, c.n}
	leaf := func(name string, shape ...int) *gorgonia.Node { return program.Leaf(g, name, shape...) }
	object := forward.Pair{Re: leaf("object.re", shape...), Im: leaf("object.im", shape...)}
	probe := forward.Pair{Re: leaf("probe.re", c.modes, c.n, c.n), Im: leaf("probe.im", c.modes, c.n, c.n)}
	shiftY, shiftX, measured := leaf("shift.y", shape...), leaf("shift.x", shape...), leaf("measured", shape...)

	intensity, err := intensityOf(g, c.n, object, probe, shiftY, shiftX)
	if err != nil {
		return nil, fmt.Errorf("building the forward model: %w", err)
	}
	if c.measured != nil {
		if intensity, err = darkened(g, intensity, c.measured); err != nil {
			return nil, fmt.Errorf("building the mask: %w", err)
		}
	}
	misfit, err := forward.AmplitudeSquares(intensity, measured, c.floor)
	if err != nil {
		return nil, fmt.Errorf("building the misfit: %w", err)
	}
	loss, err := c.loss(g, intensity, measured, misfit)
	if err != nil {
		return nil, fmt.Errorf("building the likelihood: %w", err)
	}
	leaves := []*gorgonia.Node{object.Re, object.Im, probe.Re, probe.Im}
	grads, err := program.Gradients(loss, leaves)
	if err != nil {
		return nil, err
	}
	p := &program.Program{Name: "solver_step", Outputs: []program.Output{{Name: "misfit", Node: misfit}, {Name: "loss", Node: loss}}}
	for _, in := range append(leaves, shiftY, shiftX, measured) {
		p.Inputs = append(p.Inputs, program.Input{Name: in.Name(), Node: in})
	}
	for i, grad := range grads {
		p.Outputs = append(p.Outputs, program.Output{Name: "grad." + leaves[i].Name(), Node: grad})
	}
	return p, nil
}

// intensityOf is what the probe, moved by the subpixel rests, makes of the patches at the detector.
func intensityOf(g *gorgonia.ExprGraph, n int, object, probe forward.Pair, shiftY, shiftX *gorgonia.Node) (*gorgonia.Node, error) {
	dft, err := forward.DFT(g, "dft", n)
	if err != nil {
		return nil, err
	}
	moved, err := forward.ShiftProbe(probe, shiftY, shiftX) // (B, K, N, N)
	if err != nil {
		return nil, err
	}
	exit, err := forward.ExitWave(moved, object)
	if err != nil {
		return nil, err
	}
	far, err := forward.Propagate(exit, dft)
	if err != nil {
		return nil, err
	}
	intensity, err := forward.Intensity(far)
	if err != nil {
		return nil, err
	}
	return forward.SumModes(intensity)
}

// darkened is the intensity with 0 where pixels do not count, as the patterns have it: what is modelled there makes no difference, and
// no gradient.
func darkened(g *gorgonia.ExprGraph, intensity *gorgonia.Node, measured []bool) (*gorgonia.Node, error) {
	s := intensity.Shape()
	mask := ndarray.New[float32](s[2], s[3])
	for i, m := range measured {
		if m {
			mask.Data[i] = 1
		}
	}
	node, err := program.Constant(g, "mask", mask)
	if err != nil {
		return nil, err
	}
	return ops.Mul(intensity, node)
}

// loss is the scaled likelihood.
func (c stepConfig) loss(g *gorgonia.ExprGraph, intensity, measured, misfit *gorgonia.Node) (*gorgonia.Node, error) {
	if c.likelihood == Amplitude {
		return ops.Affine(misfit, 0.5, 0)
	}
	counts, err := ops.Mul(measured, measured)
	if err != nil {
		return nil, err
	}
	one := ndarray.New[float32](1, 1, 1, 1)
	one.Data[0] = float32(c.n*c.n) / 4 // Poisson is a mean over the pixels
	weight, err := program.Constant(g, "weight", one)
	if err != nil {
		return nil, err
	}
	return forward.Poisson(intensity, counts, weight, c.background)
}
