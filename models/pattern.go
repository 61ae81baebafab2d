package models

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
)

// pattern is PtychoPINN's network: an autoencoder that sees the pattern alone.
var pattern = architecture{
	kind:     Pattern,
	inputs:   patternsOnly,
	validate: validateAutoencoder,
	specs:    autoencoderSpecs,
	build:    buildAutoencoder,
}

// validateAutoencoder accepts the sizes that PtychoPINN has.
func validateAutoencoder(c Config) error {
	if _, ok := sizes[c.N]; !ok {
		return &badinput.Error{
			Key: "pattern size", Found: fmt.Sprint(c.N), Expected: "64, 128 or 256 with network " + c.Kind.String(),
			Remedy: autoencoderRemedy(c.N),
		}
	}
	return nil
}

// autoencoderRemedy says what to do with patterns of n x n pixels, a size that the network does not have.
func autoencoderRemedy(n int) string {
	const crop = "crop or bin the patterns to %d pixels"
	size, other := 0, unrolledSize(n)
	for has := range sizes {
		if has < n {
			size = max(size, has)
		}
	}
	switch {
	case size == 0:
		return fmt.Sprintf("take --network unrolled for patterns of %d pixels", other)
	case other == n:
		return fmt.Sprintf("take --network unrolled, or "+crop, size)
	}
	return fmt.Sprintf(crop, size)
}

// patternsOnly is the input of a network that is fed with the measured patterns and nothing else.
func patternsOnly(c Config) []Input {
	return []Input{{
		Name: PatternsInput, Shape: []int{c.Channels, c.N, c.N},
		Doc: "Measured amplitudes, the square root of photon counts, zero frequency at [N/2, N/2]. " +
			"Normalisation is inside the graph.",
	}}
}

// branches are the two decoders, in the order of the model's outputs.
var branches = [2]string{"amplitude", "phase"}

// blocks lists the filters of each block before scaling. A block is two convolutions.
type blocks struct{ encoder, decoder []int }

// sizes are PtychoPINN's, by the pattern size N. The decoder ends at N/2 x N/2.
var sizes = map[int]blocks{
	64:  {[]int{32, 64, 128}, []int{64, 32}},
	128: {[]int{16, 32, 64, 128}, []int{128, 64, 32}},
	256: {[]int{8, 16, 32, 64, 128}, []int{256, 128, 64, 32}},
}

func (c Config) encoderFilters() []int { return scaled(sizes[c.N].encoder, c.FiltersScale) }

// decoderFilters has one more block for a full extent, of half the last one's filters, that doubles N/2 to N.
func (c Config) decoderFilters() []int {
	filters := scaled(sizes[c.N].decoder, c.FiltersScale)
	if c.Extent == Full {
		filters = append(filters, max(1, filters[len(filters)-1]/2))
	}
	return filters
}

func scaled(filters []int, scale int) []int {
	out := make([]int, len(filters))
	for i, f := range filters {
		out[i] = f * scale
	}
	return out
}

// autoencoderSpecs lists the encoder, then each decoder with its head.
func autoencoderSpecs(c Config) []Spec {
	var specs []Spec
	conv := func(layer string, in, out int) {
		specs = append(specs,
			Spec{Name: layer + weightSuffix, Shape: []int{out, in, 3, 3}},
			Spec{Name: layer + biasSuffix, Shape: []int{out}})
	}
	convBlocks := func(name string, in int, filters []int) int {
		for i, out := range filters {
			conv(fmt.Sprintf("%s.%d.conv.0", name, i), in, out)
			conv(fmt.Sprintf("%s.%d.conv.1", name, i), out, out)
			in = out
		}
		return in
	}
	latent := convBlocks("encoder", c.Channels, c.encoderFilters())
	for _, branch := range branches {
		conv(branch+".head", convBlocks(branch, latent, c.decoderFilters()), c.Channels)
	}
	return specs
}

// buildAutoencoder turns the patterns (B, C, N, N) into the object.
func buildAutoencoder(b *builder) *Net {
	x := b.scaledPatterns()
	for i := range b.config.encoderFilters() {
		block := fmt.Sprintf("encoder.%d", i)
		x = b.conv(block+".conv.1", b.relu(b.conv(block+".conv.0", x)))
		x = b.named(block+".pooled", ops.ReLUMaxPool(x))
	}
	latent := x // (B, F, N/8, N/8) for N = 64
	decoder := func(branch string) *gorgonia.Node {
		x := latent
		for i := range b.config.decoderFilters() {
			block := fmt.Sprintf("%s.%d", branch, i)
			x = b.relu(b.conv(block+".conv.1", b.relu(b.conv(block+".conv.0", x))))
			x = b.named(block+".upsampled", ops.Upsample(x))
		}
		return b.conv(branch+".head", x)
	}
	amplitude := b.named("amplitude.sigmoid", ops.Sigmoid(decoder(branches[0])))
	amplitude = b.named("amplitude.scaled", ops.Affine(amplitude, float32(b.config.AmplitudeMax), 0))
	amplitude = b.padded("amplitude.padded", amplitude)
	phase := b.named("phase.tanh", ops.Tanh(decoder(branches[1])))
	phase = b.named("phase.scaled", ops.Affine(phase, math.Pi, 0))
	phase = b.padded("phase.padded", phase)
	return &Net{Amplitude: amplitude, Phase: phase, Object: forward.Object(amplitude, phase)}
}
