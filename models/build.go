package models

import (
	"fmt"
	"math"
	"strings"

	"gorgonia.org/gorgonia"

	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// Net is the graph of a network: its outputs and the readable names of its nodes.
type Net struct {
	Amplitude *gorgonia.Node // (B, C, N, N); 0 outside the extent
	Phase     *gorgonia.Node // (B, C, N, N), in [-pi, pi]; 0 outside the extent
	Object    forward.Pair   // (B, C, N, N), amplitude and phase as a complex number
	Names     program.Names
}

// Build makes the network of x (B, C, N, N), raw amplitudes, with parameter nodes in the order of Specs.
func Build(c Config, x *gorgonia.Node, params []*gorgonia.Node) (*Net, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if want := len(c.Specs()); len(params) != want {
		return nil, fmt.Errorf("%d parameters for a network of %d", len(params), want)
	}
	return ops.Build("building the network", func() *Net { return build(c, x, params) })
}

func build(c Config, x *gorgonia.Node, params []*gorgonia.Node) *Net {
	b := &builder{config: c, params: params, specs: c.Specs(), names: program.Names{}}
	for i, p := range params {
		b.names[p] = b.specs[i].Name
	}
	x = b.named("input.scaled", ops.Affine(x, float32(c.InputScale), 0))
	shown := b.shown(x)
	latent := b.encoder(shown)
	net := &Net{Names: b.names}
	net.Amplitude = b.decoder(branches[0], shown, latent, b.amplitudeHead)
	net.Phase = b.decoder(branches[1], shown, latent, b.phaseHead)
	net.Object = forward.Object(net.Amplitude, net.Phase)
	if c.Kind == Estimate {
		b.correct(net)
	}
	return net
}

// builder walks the architecture, taking parameters in order.
type builder struct {
	config Config
	params []*gorgonia.Node
	specs  []Spec
	next   int
	names  program.Names

	correction forward.Correction // of a network with an estimate
}

func (b *builder) encoder(x *gorgonia.Node) *gorgonia.Node {
	for i := range b.config.encoderFilters() {
		x = b.relu(b.conv(x))
		x = b.conv(x)
		x = b.named(fmt.Sprintf("encoder.%d.pooled", i), ops.ReLUMaxPool(x))
	}
	return x // (B, F, N/8, N/8) for N = 64
}

func (b *builder) decoder(branch string, shown, x *gorgonia.Node, head func(*gorgonia.Node) *gorgonia.Node) *gorgonia.Node {
	for i := range b.config.decoderFilters() {
		x = b.relu(b.conv(x))
		x = b.relu(b.conv(x))
		x = b.named(fmt.Sprintf("%s.%d.upsampled", branch, i), ops.Upsample(x))
	}
	x = head(b.shortcut(branch, shown, b.conv(x)))
	return b.padded(branch+".padded", x) // (B, C, N, N)
}

// padded gives what lies within the extent a border of zeros.
func (b *builder) padded(name string, x *gorgonia.Node) *gorgonia.Node {
	if b.config.Extent != Centre {
		return x
	}
	return b.named(name, ops.Pad(x, b.config.N/4))
}

// inside cuts out what lies within the extent.
func (b *builder) inside(name string, x *gorgonia.Node) *gorgonia.Node {
	if b.config.Extent != Centre {
		return x
	}
	return b.named(name, ops.Crop(x, b.config.N/4))
}

// shortcut adds what one convolution makes of the estimate to what the decoder says: the decoder corrects it.
func (b *builder) shortcut(branch string, shown, x *gorgonia.Node) *gorgonia.Node {
	if b.config.Kind != Estimate {
		return x
	}
	short := b.conv(b.inside(branch+".shortcut.centre", shown))
	return b.named(branch+".corrected", ops.Add(x, short))
}

// conv applies the next convolution of Specs.
func (b *builder) conv(x *gorgonia.Node) *gorgonia.Node {
	name := strings.TrimSuffix(b.specs[b.next].Name, ".weight")
	w, bias := b.params[b.next], b.params[b.next+1]
	b.next += 2
	return b.named(name, ops.Must(ops.Build(name, func() *gorgonia.Node { return ops.Conv2D(x, w, bias) })))
}

func (b *builder) relu(x *gorgonia.Node) *gorgonia.Node {
	return b.named(b.names[x]+".relu", ops.ReLU(x))
}

func (b *builder) amplitudeHead(x *gorgonia.Node) *gorgonia.Node {
	x = b.named("amplitude.sigmoid", ops.Sigmoid(x))
	return b.named("amplitude.scaled", ops.Affine(x, float32(b.config.AmplitudeMax), 0))
}

func (b *builder) phaseHead(x *gorgonia.Node) *gorgonia.Node {
	x = b.named("phase.tanh", ops.Tanh(x))
	return b.named("phase.scaled", ops.Affine(x, math.Pi, 0))
}

// named gives a node a readable name.
func (b *builder) named(name string, n *gorgonia.Node) *gorgonia.Node {
	b.names[n] = name
	return n
}
