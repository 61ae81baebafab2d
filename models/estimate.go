package models

import (
	"gorgonia.org/gorgonia"

	"ptyx/internal/forward"
	"ptyx/internal/graph"
	"ptyx/internal/ndarray"
	"ptyx/internal/ops"
	"ptyx/internal/physics"
)

// estimateArrays are the arrays that make a first estimate of the object, (N, N) each: physics.Estimate in parts.
var estimateArrays = [5]string{
	"estimate.phase.re", "estimate.phase.im",
	"estimate.gain.re", "estimate.gain.im",
	"estimate.offset",
}

// shownChannels is the number of images that a sample gives the encoder: patterns, or the real and imaginary parts of as
// many estimates.
func (c Config) shownChannels() int {
	if c.Kind == Estimate {
		return 2 * c.Channels
	}
	return c.Channels
}

// SetEstimate writes the untrained parameters for a probe (N, N) of any power. Other kinds of network have none.
func (c Config) SetEstimate(params []*ndarray.Float32, probe *ndarray.Complex64) {
	if c.Kind != Estimate {
		return
	}
	e := physics.NewEstimate(probe)
	fixed := params[c.Trained():]
	copy(fixed[4].Data, e.Offset.Data)
	for k, a := range []*ndarray.Complex64{e.Phase, e.Gain} {
		for i, v := range a.Data {
			fixed[2*k].Data[i], fixed[2*k+1].Data[i] = real(v), imag(v)
		}
	}
}

// shown is what the encoder sees of scaled amplitudes (B, C, N, N): themselves, or (B, 2C, N, N), the real and imaginary part
// of each pattern's estimate.
func (b *builder) shown(x *gorgonia.Node) *gorgonia.Node {
	if b.config.Kind != Estimate || b.err != nil {
		return x
	}
	fixed := b.params[b.config.Trained():]
	pair := func(k int) forward.Pair { return forward.Pair{Re: fixed[2*k], Im: fixed[2*k+1]} }
	inverse, err := b.inverseDFT(x.Graph())
	if err != nil {
		b.err = err
		return nil
	}
	// The network's input has a power of (N/2)^2 a pattern, a quarter of what the estimate expects.
	whole := b.step("estimate.amplitude", func() (*gorgonia.Node, error) { return ops.Affine(x, 2, 0) })
	if b.err != nil {
		return nil
	}
	u, err := forward.Estimate(whole, pair(0), pair(1), fixed[4], inverse)
	if err != nil {
		b.err = err
		return nil
	}
	re := b.spread("estimate.re", u.Re, 0)
	im := b.spread("estimate.im", u.Im, 1)
	return b.step("estimate", func() (*gorgonia.Node, error) { return ops.Add(re, im) })
}

// spread puts channel c of x (B, C, N, N) at channel 2c + part of twice as many: a convolution with kernels of one pixel.
func (b *builder) spread(name string, x *gorgonia.Node, part int) *gorgonia.Node {
	channels := b.config.Channels
	kernel, bias := ndarray.New[float32](2*channels, channels, 1, 1), ndarray.New[float32](2*channels)
	for c := range channels {
		kernel.Data[(2*c+part)*channels+c] = 1
	}
	return b.step(name, func() (*gorgonia.Node, error) {
		w, err := graph.Constant(x.Graph(), name+"_kernel", kernel)
		if err != nil {
			return nil, err
		}
		zero, err := graph.Constant(x.Graph(), name+"_bias", bias)
		if err != nil {
			return nil, err
		}
		return ops.Conv2D(x, w, zero)
	})
}

// inverseDFT is the conjugate of the DFT matrix as constants.
func (b *builder) inverseDFT(g *gorgonia.ExprGraph) (forward.Pair, error) {
	n := b.config.N
	re, im := physics.DFTMatrix(n)
	for i, v := range im {
		im[i] = -v
	}
	reNode, err := graph.Constant(g, "inverse_dft_re", ndarray.Wrap(re, n, n))
	if err != nil {
		return forward.Pair{}, err
	}
	imNode, err := graph.Constant(g, "inverse_dft_im", ndarray.Wrap(im, n, n))
	b.names[reNode], b.names[imNode] = "inverse_dft_re", "inverse_dft_im"
	return forward.Pair{Re: reNode, Im: imNode}, err
}
