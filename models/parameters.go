package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"ptyx/internal/base/ndarray"
)

// Spec names one parameter array.
type Spec struct {
	Name  string
	Shape []int // weight (O, I, 3, 3), bias (O), or what is known of the probe (N, N)
	Fixed bool  // not trained
}

// branches are the two decoders, in the order of the model's outputs.
var branches = [2]string{"amplitude", "phase"}

// Specs lists the parameters in the order that Build and every file use: encoder, amplitude decoder, phase decoder, and
// last what is not trained.
func (c Config) Specs() []Spec {
	var specs []Spec
	conv := func(name string, in, out int) {
		specs = append(specs,
			Spec{Name: name + ".weight", Shape: []int{out, in, 3, 3}},
			Spec{Name: name + ".bias", Shape: []int{out}})
	}
	block := func(name string, in, out int) {
		conv(name+".conv.0", in, out)
		conv(name+".conv.1", out, out)
	}
	in := c.shownChannels()
	for i, out := range c.encoderFilters() {
		block(fmt.Sprintf("encoder.%d", i), in, out)
		in = out
	}
	latent := in
	for _, branch := range branches {
		in = latent
		for i, out := range c.decoderFilters() {
			block(fmt.Sprintf("%s.%d", branch, i), in, out)
			in = out
		}
		conv(branch+".head", in, c.Channels)
		if c.Kind == Estimate {
			conv(branch+".shortcut", c.shownChannels(), c.Channels)
		}
	}
	if c.Kind == Estimate {
		for _, name := range probeArrays {
			specs = append(specs, Spec{Name: name, Shape: []int{c.N, c.N}, Fixed: true})
		}
	}
	return specs
}

// Trained is the number of Specs that are trained; they come first.
func (c Config) Trained() int {
	return slices.IndexFunc(append(c.Specs(), Spec{Fixed: true}), func(s Spec) bool { return s.Fixed })
}

// ParameterCount is the number of trained values.
func (c Config) ParameterCount() int {
	n := 0
	for _, s := range c.Specs()[:c.Trained()] {
		n += ndarray.Size(s.Shape)
	}
	return n
}

// Initialise draws the parameters from the seed: weights uniform within sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio,
// AISTATS 2010), biases 0. What is not trained is 0 too; see SetProbe.
func (c Config) Initialise(seed uint64) []*ndarray.Float32 {
	rng := rand.New(rand.NewPCG(seed, 0x707479780001)) // second word: the stream of the initialisation
	var params []*ndarray.Float32
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
	if c.Kind == Estimate {
		c.startAtEstimate(params)
	}
	return params
}
