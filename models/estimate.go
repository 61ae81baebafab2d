package models

import (
	"math"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
	"ptyx/internal/physics/optics"
)

// probeArrays hold the probe that a network with an estimate corrects by, (N, N) each, of power N^2.
var probeArrays = [2]string{"estimate.probe.re", "estimate.probe.im"}

// corrections is how often the network's object is moved towards one that explains its pattern: on a measured star three gave more
// than one, on simulated ones two and three the same.
const corrections = 3

// shownChannels is the number of images that a sample gives the encoder: patterns, or the real and imaginary parts of as
// many estimates.
func (c Config) shownChannels() int {
	if c.Kind == Estimate {
		return 2 * c.Channels
	}
	return c.Channels
}

// SetProbe writes the untrained parameters for a probe (N, N) of any power. Other kinds of network have none.
func (c Config) SetProbe(params []*ndarray.Float32, probe *ndarray.Complex64) {
	if c.Kind != Estimate {
		return
	}
	scale := math.Sqrt(float64(c.N*c.N) / optics.Power(probe))
	fixed := params[c.Trained():]
	for i, v := range probe.Data {
		fixed[0].Data[i], fixed[1].Data[i] = float32(scale*float64(real(v))), float32(scale*float64(imag(v)))
	}
}

// startAtEstimate lets the untrained network say nearly what the estimate says. Of random heads, corrections make an object that
// explains its pattern and is wrong, and training does not leave it again.
func (c Config) startAtEstimate(params []*ndarray.Float32) {
	const quiet = 0.1 // of the decoders' first word
	for i, s := range c.Specs() {
		p := params[i].Data
		switch s.Name {
		case "amplitude.head.weight", "phase.head.weight":
			for k := range p {
				p[k] *= quiet
			}
		case "amplitude.shortcut.weight": // AmplitudeMax sigmoid(x) is about AmplitudeMax (1/2 + x/4), and should be 1 + Re u
			c.copyEstimate(p, 0, 4/c.AmplitudeMax)
		case "phase.shortcut.weight": // pi tanh(x) is about pi x, and should be Im u
			c.copyEstimate(p, 1, 1/math.Pi)
		}
	}
}

// copyEstimate fills the kernel of a shortcut (C, 2C, 3, 3): every channel is a multiple of a part of its own estimate.
func (c Config) copyEstimate(kernel []float32, part int, factor float64) {
	const taps, middle = 9, 4
	clear(kernel)
	for channel := range c.Channels {
		from := channel*2*c.Channels + 2*channel + part
		kernel[from*taps+middle] = float32(factor)
	}
}

// prepareCorrection makes the correction by scaled amplitudes (B, C, N, N).
func (b *builder) prepareCorrection(x *gorgonia.Node) {
	// The network's input has a power of (N/2)^2 a pattern, a quarter of what a correction expects.
	measured := b.named("measured", ops.Affine(x, 2, 0))
	fixed := b.params[b.config.Trained():]
	dft := forward.DFT(x.Graph(), "estimate.dft", b.config.N)
	b.names[dft.Re], b.names[dft.Im] = dft.Re.Name(), dft.Im.Name()
	b.correction = forward.NewCorrection(measured, forward.Pair{Re: fixed[0], Im: fixed[1]}, dft)
}

// shown is what the encoder sees of scaled amplitudes (B, C, N, N): themselves, or (B, 2C, N, N), the real and imaginary part
// of each pattern's estimate.
func (b *builder) shown(x *gorgonia.Node) *gorgonia.Node {
	if b.config.Kind != Estimate {
		return x
	}
	b.prepareCorrection(x)
	u := b.correction.Estimate()
	return b.named("estimate", ops.Add(b.spread("estimate.re", u.Re, 0), b.spread("estimate.im", u.Im, 1)))
}

// correct moves the network's object towards one that explains its pattern.
func (b *builder) correct(net *Net) {
	object := net.Object
	for range corrections {
		object = b.correction.Apply(object)
	}
	object = forward.Pair{Re: b.inside("object.re", object.Re), Im: b.inside("object.im", object.Im)}
	amplitude, phase := forward.Polar(object)
	net.Amplitude = b.padded("amplitude.corrected.padded", amplitude)
	net.Phase = b.padded("phase.corrected.padded", phase)
	net.Object = forward.Pair{Re: b.padded("object.re.padded", object.Re), Im: b.padded("object.im.padded", object.Im)}
}

// spread puts channel c of x (B, C, N, N) at channel 2c + part of twice as many: a convolution with kernels of one pixel.
func (b *builder) spread(name string, x *gorgonia.Node, part int) *gorgonia.Node {
	channels := b.config.Channels
	kernel, bias := ndarray.New[float32](2*channels, channels, 1, 1), ndarray.New[float32](2*channels)
	for c := range channels {
		kernel.Data[(2*c+part)*channels+c] = 1
	}
	w := program.Constant(x.Graph(), name+"_kernel", kernel)
	zero := program.Constant(x.Graph(), name+"_bias", bias)
	return b.named(name, ops.Conv2D(x, w, zero))
}
