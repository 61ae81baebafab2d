package trainer

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
	"ptyx/models"
)

// assembly builds the loss of a step: the path from what the network says to a single number.
type assembly struct {
	config StepConfig
	graph  *gorgonia.ExprGraph
	probe  forward.Pair              // (N, N) or (P, N, N)
	batch  map[string]*gorgonia.Node // inputs of the batch by name
}

// loss compares the network's object with the measured patterns, or with the truth.
func (a *assembly) loss(net *models.Net) *gorgonia.Node {
	object := net.Object // (B, C, N, N)
	if a.config.Supervised {
		return a.total(a.truthTerms(net, object))
	}
	if a.config.Canvas > 0 {
		canvas := forward.Canvas{Group: a.config.Group, Weight: a.batch[overlapInput], PlaceY: a.batch[placeYInput], PlaceX: a.batch[placeXInput]}
		object = canvas.Merge(object)
	}
	probe := a.probe
	if a.config.Scans > 1 {
		probe = forward.PickProbe(probe, a.batch[scanInput], a.config.shape())
	}
	intensity := forward.Diffract(probe, object, a.batch[shiftYInput], a.batch[shiftXInput]) // (B, C, N, N)
	measured := a.measured()
	weight := a.batch[weightInput]
	if a.config.Masked {
		weight = ops.Mul(weight, a.batch[maskInput]) // (B, C, N, N)
	}
	return a.total(a.patternTerms(object, intensity, measured, weight))
}

// measured is the square of the amplitudes in units of the mean intensity. The network's input is normalised to a power of
// (N/2)^2 per pattern (PtychoPINN's convention), a quarter of the N^2 of a mean intensity of 1.
func (a *assembly) measured() *gorgonia.Node {
	scaled := ops.Affine(a.batch[amplitudeInput], float32(2*a.config.Net.InputScale), 0)
	return ops.Mul(scaled, scaled)
}

// terms build the terms of a loss, each a single number.
type terms struct {
	poisson, mae, smoothness func() *gorgonia.Node
}

// patternTerms compare patterns, by weights (B, C, 1, 1) or (B, C, N, N).
func (a *assembly) patternTerms(object forward.Pair, intensity, measured, weight *gorgonia.Node) terms {
	eps := a.config.Epsilon
	return terms{
		poisson:    func() *gorgonia.Node { return forward.Poisson(intensity, measured, weight, eps) },
		mae:        func() *gorgonia.Node { return forward.AmplitudeMAE(intensity, measured, weight, eps) },
		smoothness: func() *gorgonia.Node { return a.variation(object) },
	}
}

// truthTerms compare objects. There are no photons in them.
func (a *assembly) truthTerms(net *models.Net, object forward.Pair) terms {
	truth := forward.Truth{
		Amplitude: a.batch[truthInput], Phase: forward.Pair{Re: a.batch[truthReInput], Im: a.batch[truthImInput]}, Share: a.batch[shareInput],
	}
	return terms{
		mae:        func() *gorgonia.Node { return forward.TruthMAE(net.Amplitude, net.Phase, truth, a.batch[weightInput]) },
		smoothness: func() *gorgonia.Node { return a.variation(object) },
	}
}

// variation is the object's total variation where the probe lights it.
func (a *assembly) variation(object forward.Pair) *gorgonia.Node {
	n := a.config.Net.N
	difference := program.Constant(a.graph, "difference", ndarray.Wrap(optics.DifferenceMatrix(n), n, n))
	return forward.Variation(object, difference, a.batch[litInput], a.batch[weightInput])
}

// total is the weighted sum of the terms; those of weight 0 are not built.
func (a *assembly) total(t terms) *gorgonia.Node {
	var nodes []*gorgonia.Node
	var factors []float64
	for _, term := range []struct {
		factor float64
		build  func() *gorgonia.Node
	}{{a.config.Loss.Poisson, t.poisson}, {a.config.Loss.MAE, t.mae}, {a.config.Loss.Smoothness, t.smoothness}} {
		if term.factor != 0 {
			nodes, factors = append(nodes, term.build()), append(factors, term.factor)
		}
	}
	return forward.Total(nodes, factors)
}
