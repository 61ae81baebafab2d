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
func (a *assembly) loss(net *models.Net) (*gorgonia.Node, error) {
	object := net.Object // (B, C, N, N)
	if a.config.Supervised {
		return a.total(a.truthTerms(net, object))
	}
	if a.config.Canvas > 0 {
		var err error
		canvas := forward.Canvas{Group: a.config.Group, Weight: a.batch[overlapInput], PlaceY: a.batch[placeYInput], PlaceX: a.batch[placeXInput]}
		if object, err = canvas.Merge(object); err != nil {
			return nil, err
		}
	}
	intensity, err := a.intensity(object)
	if err != nil {
		return nil, err
	}
	measured, err := a.measured()
	if err != nil {
		return nil, err
	}
	weight := a.batch[weightInput]
	if a.config.Masked {
		if weight, err = ops.Mul(weight, a.batch[maskInput]); err != nil { // (B, C, N, N)
			return nil, err
		}
	}
	return a.total(a.patternTerms(object, intensity, measured, weight))
}

// intensity is the pattern that the physics makes of the object, (B, C, N, N).
func (a *assembly) intensity(object forward.Pair) (*gorgonia.Node, error) {
	probe, err := a.probe, error(nil)
	if a.config.Scans > 1 {
		if probe, err = forward.PickProbe(probe, a.batch[scanInput], a.config.shape()); err != nil {
			return nil, err
		}
	}
	shifted, err := forward.ShiftProbe(probe, a.batch[shiftYInput], a.batch[shiftXInput]) // (B, C, N, N)
	if err != nil {
		return nil, err
	}
	exit, err := forward.ExitWave(shifted, object)
	if err != nil {
		return nil, err
	}
	dft, err := forward.DFT(a.graph, "dft", a.config.Net.N)
	if err != nil {
		return nil, err
	}
	detector, err := forward.Propagate(exit, dft)
	if err != nil {
		return nil, err
	}
	return forward.Intensity(detector)
}

// measured is the square of the amplitudes in units of the mean intensity. The network's input is normalised to a power of
// (N/2)^2 per pattern (PtychoPINN's convention), a quarter of the N^2 of a mean intensity of 1.
func (a *assembly) measured() (*gorgonia.Node, error) {
	scaled, err := ops.Affine(a.batch[amplitudeInput], float32(2*a.config.Net.InputScale), 0)
	if err != nil {
		return nil, err
	}
	return ops.Mul(scaled, scaled)
}

// constant is a leaf (N, N) that holds a value.
func (a *assembly) constant(name string, value []float32) (*gorgonia.Node, error) {
	return program.Constant(a.graph, name, ndarray.Wrap(value, a.config.Net.N, a.config.Net.N))
}

// terms build the terms of a loss, each a single number.
type terms struct {
	poisson, mae, smoothness func() (*gorgonia.Node, error)
}

// patternTerms compare patterns, by weights (B, C, 1, 1) or (B, C, N, N).
func (a *assembly) patternTerms(object forward.Pair, intensity, measured, weight *gorgonia.Node) terms {
	eps := a.config.Epsilon
	return terms{
		poisson:    func() (*gorgonia.Node, error) { return forward.Poisson(intensity, measured, weight, eps) },
		mae:        func() (*gorgonia.Node, error) { return forward.AmplitudeMAE(intensity, measured, weight, eps) },
		smoothness: func() (*gorgonia.Node, error) { return a.variation(object) },
	}
}

// truthTerms compare objects. There are no photons in them.
func (a *assembly) truthTerms(net *models.Net, object forward.Pair) terms {
	truth := forward.Truth{
		Amplitude: a.batch[truthInput], Phase: forward.Pair{Re: a.batch[truthReInput], Im: a.batch[truthImInput]}, Share: a.batch[shareInput],
	}
	return terms{
		mae: func() (*gorgonia.Node, error) {
			return forward.TruthMAE(net.Amplitude, net.Phase, truth, a.batch[weightInput])
		},
		smoothness: func() (*gorgonia.Node, error) { return a.variation(object) },
	}
}

// variation is the object's total variation where the probe lights it.
func (a *assembly) variation(object forward.Pair) (*gorgonia.Node, error) {
	difference, err := a.constant("difference", optics.DifferenceMatrix(a.config.Net.N))
	if err != nil {
		return nil, err
	}
	return forward.Variation(object, difference, a.batch[litInput], a.batch[weightInput])
}

// total is the weighted sum of the terms; those of weight 0 are not built.
func (a *assembly) total(t terms) (*gorgonia.Node, error) {
	var nodes []*gorgonia.Node
	var factors []float64
	for _, term := range []struct {
		factor float64
		build  func() (*gorgonia.Node, error)
	}{{a.config.Loss.Poisson, t.poisson}, {a.config.Loss.MAE, t.mae}, {a.config.Loss.Smoothness, t.smoothness}} {
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
