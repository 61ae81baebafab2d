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

// estimate shows the autoencoder a first estimate of the object instead of the pattern, so that fine detail need not
// pass through the narrow middle, and corrects the resulting object by the pattern.
var estimate = architecture{
	kind:     Estimate,
	inputs:   patternsOnly,
	validate: validateAutoencoder,
	specs:    estimateSpecs,
	build:    buildEstimate,
	start:    startAtEstimate,
	setProbe: setEstimateProbe,
}

// The probe that the network corrects by, (N, N) each, of power N^2.
const (
	probeRe = "estimate.probe.re"
	probeIm = "estimate.probe.im"
)

// corrections is how often the object is moved towards one that explains its pattern. On a measured star three gave
// more than one; on simulated ones two and three gave the same.
const corrections = 3

func estimateSpecs(c Config) []Spec {
	specs := autoencoderSpecs(c, 2*c.Channels, true)
	for _, name := range []string{probeRe, probeIm} {
		specs = append(specs, Spec{Name: name, Shape: []int{c.N, c.N}, Fixed: true})
	}
	return specs
}

func setEstimateProbe(c Config, params map[string]*Array, probe *ComplexArray) {
	scale := math.Sqrt(float64(c.N*c.N) / optics.Power(probe))
	for i, v := range probe.Data {
		params[probeRe].Data[i] = float32(scale * float64(real(v)))
		params[probeIm].Data[i] = float32(scale * float64(imag(v)))
	}
}

// startAtEstimate makes the untrained network return nearly the estimate. With random heads the corrections make an
// object that explains its pattern and is wrong, and training does not leave it again.
func startAtEstimate(c Config, params map[string]*Array) {
	const share = 0.1 // of the decoders in the first output
	for _, branch := range branches {
		for k := range params[branch+".head"+weightSuffix].Data {
			params[branch+".head"+weightSuffix].Data[k] *= share
		}
	}
	// AmplitudeMax sigmoid(x) is about AmplitudeMax (1/2 + x/4), and should be 1 + Re u.
	copyEstimate(c, params["amplitude.shortcut"+weightSuffix].Data, 0, 4/c.AmplitudeMax)
	// pi tanh(x) is about pi x, and should be Im u.
	copyEstimate(c, params["phase.shortcut"+weightSuffix].Data, 1, 1/math.Pi)
}

// copyEstimate fills the kernel of a shortcut (C, 2C, 3, 3): every channel is a multiple of a part of its own estimate.
func copyEstimate(c Config, kernel []float32, part int, factor float64) {
	const taps, middle = 9, 4
	clear(kernel)
	for channel := range c.Channels {
		from := channel*2*c.Channels + 2*channel + part
		kernel[from*taps+middle] = float32(factor)
	}
}

func buildEstimate(b *builder) *Net {
	x := b.scaledPatterns()
	// Scaled patterns have a power of (N/2)^2, a quarter of what a correction expects.
	measured := b.named("measured", ops.Affine(x, 2, 0))
	dft := forward.DFT(x.Graph(), "estimate.dft", b.config.N)
	b.names[dft.Re], b.names[dft.Im] = dft.Re.Name(), dft.Im.Name()
	correction := forward.NewCorrection(measured, Pair{Re: b.params[probeRe], Im: b.params[probeIm]}, dft)

	u := correction.Estimate()
	// (B, 2C, N, N)
	images := b.named("estimate", ops.Add(b.interleaved("estimate.re", u.Re, 0), b.interleaved("estimate.im", u.Im, 1)))
	net := b.autoencoder(images, func(branch string, x *gorgonia.Node) *gorgonia.Node {
		shortcut := b.conv(branch+".shortcut", b.cropped(branch+".shortcut.centre", images))
		return b.named(branch+".corrected", ops.Add(x, shortcut))
	})
	object := net.Object
	for range corrections {
		object = correction.Apply(object)
	}
	object = Pair{Re: b.cropped("object.re", object.Re), Im: b.cropped("object.im", object.Im)}
	amplitude, phase := forward.Polar(object)
	return &Net{
		Amplitude: b.padded("amplitude.corrected.padded", amplitude),
		Phase:     b.padded("phase.corrected.padded", phase),
		Object:    Pair{Re: b.padded("object.re.padded", object.Re), Im: b.padded("object.im.padded", object.Im)},
	}
}

// interleaved puts channel c of x (B, C, N, N) at channel 2c + part of twice as many: a convolution with kernels of one
// pixel.
func (b *builder) interleaved(name string, x *gorgonia.Node, part int) *gorgonia.Node {
	channels := b.config.Channels
	kernel, bias := ndarray.New[float32](2*channels, channels, 1, 1), ndarray.New[float32](2*channels)
	for c := range channels {
		kernel.Data[(2*c+part)*channels+c] = 1
	}
	w := program.Constant(x.Graph(), name+"_kernel", kernel)
	zero := program.Constant(x.Graph(), name+"_bias", bias)
	return b.named(name, ops.Conv2D(x, w, zero))
}
