package models

import (
	"fmt"
	"math"

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
	specs := c.Specs()
	if len(params) != len(specs) {
		return nil, fmt.Errorf("%d parameters for a network of %d", len(params), len(specs))
	}
	b := &builder{config: c, params: params, specs: specs, names: program.Names{}}
	for i, p := range params {
		b.names[p] = specs[i].Name
	}
	shown := b.shown(b.scaled(x))
	latent := b.encoder(shown)
	net := &Net{Names: b.names}
	net.Amplitude = b.decoder(branches[0], shown, latent, b.amplitudeHead)
	net.Phase = b.decoder(branches[1], shown, latent, b.phaseHead)
	b.complete(net)
	if b.err != nil {
		return nil, fmt.Errorf("building the network: %w", b.err)
	}
	return net, nil
}

// complete makes the network's object of what the heads say, corrected where the network knows a probe.
func (b *builder) complete(net *Net) {
	if b.err != nil {
		return
	}
	if net.Object, b.err = forward.Object(net.Amplitude, net.Phase); b.config.Kind == Estimate {
		b.correct(net)
	}
}

// builder walks the architecture, taking parameters in order. The first error stays; later steps do nothing.
type builder struct {
	config Config
	params []*gorgonia.Node
	specs  []Spec
	next   int
	names  program.Names
	err    error

	correction forward.Correction // of a network with an estimate
}

func (b *builder) scaled(x *gorgonia.Node) *gorgonia.Node {
	return b.step("input.scaled", func() (*gorgonia.Node, error) { return ops.Affine(x, float32(b.config.InputScale), 0) })
}

func (b *builder) encoder(x *gorgonia.Node) *gorgonia.Node {
	for i := range b.config.encoderFilters() {
		x = b.relu(b.conv(x))
		x = b.conv(x)
		pooled := x
		x = b.step(fmt.Sprintf("encoder.%d.pooled", i), func() (*gorgonia.Node, error) { return ops.ReLUMaxPool(pooled) })
	}
	return x // (B, F, N/8, N/8) for N = 64
}

func (b *builder) decoder(branch string, shown, x *gorgonia.Node, head func(*gorgonia.Node) *gorgonia.Node) *gorgonia.Node {
	for i := range b.config.decoderFilters() {
		x = b.relu(b.conv(x))
		x = b.relu(b.conv(x))
		small := x
		x = b.step(fmt.Sprintf("%s.%d.upsampled", branch, i), func() (*gorgonia.Node, error) { return ops.Upsample(small) })
	}
	x = head(b.shortcut(branch, shown, b.conv(x)))
	return b.padded(branch+".padded", x) // (B, C, N, N)
}

// padded gives what lies within the extent a border of zeros.
func (b *builder) padded(name string, x *gorgonia.Node) *gorgonia.Node {
	if b.config.Extent != Centre {
		return x
	}
	return b.step(name, func() (*gorgonia.Node, error) { return ops.Pad(x, b.config.N/4) })
}

// inside cuts out what lies within the extent.
func (b *builder) inside(name string, x *gorgonia.Node) *gorgonia.Node {
	if b.config.Extent != Centre {
		return x
	}
	return b.step(name, func() (*gorgonia.Node, error) { return ops.Crop(x, b.config.N/4) })
}

// shortcut adds what one convolution makes of the estimate to what the decoder says: the decoder corrects it.
func (b *builder) shortcut(branch string, shown, x *gorgonia.Node) *gorgonia.Node {
	if b.config.Kind != Estimate {
		return x
	}
	short := b.conv(b.inside(branch+".shortcut.centre", shown))
	return b.step(branch+".corrected", func() (*gorgonia.Node, error) { return ops.Add(x, short) })
}

// conv applies the next convolution of Specs.
func (b *builder) conv(x *gorgonia.Node) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	name := b.specs[b.next].Name
	w, bias := b.params[b.next], b.params[b.next+1]
	b.next += 2
	return b.step(name[:len(name)-len(".weight")], func() (*gorgonia.Node, error) { return ops.Conv2D(x, w, bias) })
}

func (b *builder) relu(x *gorgonia.Node) *gorgonia.Node {
	return b.step(b.names[x]+".relu", func() (*gorgonia.Node, error) { return ops.ReLU(x) })
}

func (b *builder) amplitudeHead(x *gorgonia.Node) *gorgonia.Node {
	x = b.step("amplitude.sigmoid", func() (*gorgonia.Node, error) { return ops.Sigmoid(x) })
	return b.step("amplitude.scaled", func() (*gorgonia.Node, error) {
		return ops.Affine(x, float32(b.config.AmplitudeMax), 0)
	})
}

func (b *builder) phaseHead(x *gorgonia.Node) *gorgonia.Node {
	x = b.step("phase.tanh", func() (*gorgonia.Node, error) { return ops.Tanh(x) })
	return b.step("phase.scaled", func() (*gorgonia.Node, error) { return ops.Affine(x, math.Pi, 0) })
}

// step makes a node and names it.
func (b *builder) step(name string, build func() (*gorgonia.Node, error)) *gorgonia.Node {
	if b.err != nil {
		return nil
	}
	n, err := build()
	if err != nil {
		b.err = fmt.Errorf("%s: %w", name, err)
		return nil
	}
	b.names[n] = name
	return n
}
