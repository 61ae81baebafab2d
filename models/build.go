package models

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/contract"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// PatternsInput is the name of the first input of every network, the measured amplitudes (B, C, N, N).
const PatternsInput = contract.PatternsInput

// Names of the further inputs of a network that takes the probe: its real and imaginary part (B or 1, 1, N, N). To
// Build they and the patterns come as forward.Normalised makes them, the probe at its subpixel position.
const (
	ProbeReInput = contract.ProbeReInput
	ProbeImInput = contract.ProbeImInput
)

// Input is an array that a network is fed with.
type Input struct {
	Name, Doc string
	Shape     []int // of one sample, behind the batch
}

// Net is the graph of a network: its outputs and the readable names of its nodes.
type Net struct {
	Object Pair // (B, C, N, N)
	// Amplitude and Phase are the object of a network that computes them, (B, C, N, N): 0 outside the extent, the phase
	// in [-pi, pi]. They are nil for a network that computes real and imaginary part.
	Amplitude, Phase *gorgonia.Node
	// LogVariance is the natural logarithm of the variance of Object: the mean of |error|^2 of each pixel, real and
	// imaginary part together, (B, C, N, N). It is nil for a network without.
	LogVariance *gorgonia.Node
	// Middle are the objects after the inner stages of a network of several, (B, C, N, N), for a training that judges
	// them, too.
	Middle []Pair
	Names  map[*gorgonia.Node]string
}

// Build makes the graph of a network. inputs are nodes for Inputs, behind a batch each, the first being the measured
// amplitudes (B, C, N, N); params are nodes for Specs. It fails on a configuration without a network and on shapes that
// do not fit.
func Build(c Config, inputs, params []*gorgonia.Node) (*Net, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	specs, row := c.Specs(), c.row()
	switch {
	case len(params) != len(specs):
		return nil, fmt.Errorf("%d parameters for a network of %d", len(params), len(specs))
	case len(inputs) != len(row.inputs(c)):
		return nil, fmt.Errorf("%d inputs for a network of %d", len(inputs), len(row.inputs(c)))
	}
	b := &builder{config: c, inputs: inputs, params: map[string]*gorgonia.Node{}, names: program.Names{}}
	for i, s := range specs {
		b.params[s.Name], b.names[params[i]] = params[i], s.Name
	}
	return ops.Build("building the network", func() *Net {
		net := row.build(b)
		net.Names = b.names
		return net
	})
}

// builder makes a network. Its methods, like those of package ops, panic on a mistake in the graph.
type builder struct {
	config Config
	inputs []*gorgonia.Node
	params map[string]*gorgonia.Node
	names  program.Names
}

// scaledPatterns is the first input in the network's own units, a power of (N/2)^2 for each pattern.
func (b *builder) scaledPatterns() *gorgonia.Node {
	return b.named("input.scaled", ops.Affine(b.inputs[0], float32(b.config.InputScale), 0))
}

// padded puts a border of zeros around the extent.
func (b *builder) padded(name string, x *gorgonia.Node) *gorgonia.Node {
	if b.config.Extent != Centre {
		return x
	}
	return b.named(name, ops.Pad(x, b.config.N/4))
}

// conv applies the convolution with the parameters of a layer.
func (b *builder) conv(layer string, x *gorgonia.Node) *gorgonia.Node {
	return b.named(layer, ops.Must(ops.Build(layer, func() *gorgonia.Node {
		return ops.Conv2D(x, b.params[layer+weightSuffix], b.params[layer+biasSuffix])
	})))
}

func (b *builder) relu(x *gorgonia.Node) *gorgonia.Node {
	return b.named(b.names[x]+".relu", ops.ReLU(x))
}

// named gives a node a readable name.
func (b *builder) named(name string, n *gorgonia.Node) *gorgonia.Node {
	b.names[n] = name
	return n
}
