package models

import (
	"math"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/stream"
)

// Spec names one parameter array.
type Spec struct {
	Name  string
	Shape []int   // weight (O, I, 3, 3), bias (O), or number (1)
	Rate  float64 // learning rate, relative to that of the others; 0: the same
	// Variance marks a parameter that decides Net.LogVariance alone. Training fits it to the errors of the object, and
	// no gradient of these reaches the other parameters.
	Variance bool
}

// Suffixes of a layer's parameters.
const (
	weightSuffix = ".weight"
	biasSuffix   = ".bias"
)

// Specs lists the parameters in the order that Build and every file use. The configuration must be valid.
func (c Config) Specs() []Spec { return c.row().specs(c) }

// Inputs lists the arrays that the network is fed with, in the order that Build and every file use. The configuration
// must be valid.
func (c Config) Inputs() []Input { return c.row().inputs(c) }

func (c Config) row() architecture {
	a, _ := c.Kind.row()
	return a
}

// ParameterCount is the number of values of all parameters.
func (c Config) ParameterCount() int {
	n := 0
	for _, s := range c.Specs() {
		n += ndarray.Size(s.Shape)
	}
	return n
}

// Initialise draws the parameters from the seed: weights uniform within sqrt(6 / (fan_in + fan_out)) (Glorot and
// Bengio, AISTATS 2010), biases 0. The kind of network may then change some.
func (c Config) Initialise(seed uint64) []*Array {
	rng := stream.New(seed, "models/initialise")
	var params []*Array
	for _, s := range c.Specs() {
		p := ndarray.New[float32](s.Shape...)
		if len(s.Shape) == 4 {
			taps := s.Shape[2] * s.Shape[3]
			limit := math.Sqrt(6 / float64((s.Shape[0]+s.Shape[1])*taps))
			for i := range p.Data {
				p.Data[i] = float32((2*rng.Float64() - 1) * limit)
			}
		}
		params = append(params, p)
	}
	if start := c.row().start; start != nil {
		start(c, c.byName(params))
	}
	return params
}

func (c Config) byName(params []*Array) map[string]*Array {
	byName := make(map[string]*Array, len(params))
	for i, s := range c.Specs() {
		byName[s.Name] = params[i]
	}
	return byName
}
