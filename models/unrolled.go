package models

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/badinput"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
)

// unrolled is a few iterations of a solver for one pattern, written out as layers. Each stage moves the object towards
// one that explains the pattern behind the probe, and then lets a small convolutional network change it. Step lengths,
// floors, momenta and convolutions are learned. Because the probe is an input, one network serves every probe.
var unrolled = architecture{
	kind:     Unrolled,
	inputs:   patternsAndProbe,
	validate: validateUnrolled,
	specs:    unrolledSpecs,
	build:    buildUnrolled,
	start:    startUnrolled,
}

// The sizes of the network; docs/dev/decisions.md has the search.
const (
	stages       = 3  // moves with a convolutional network behind each
	tail         = 2  // further moves at the end
	square       = 4  // side in pixels of the squares that are one pixel of the convolutions
	channelWidth = 16 // channels of the convolutions, times Config.FiltersScale
)

// Where training begins: the untrained network is nearly a solver without learned parts.
const (
	firstStep     = 0.7
	firstFloor    = 0.5 // relative to the probe's mean intensity
	firstMomentum = 0.3
	firstWrite    = 0.1 // factor on the weights that change the object
	numberRate    = 0.1 // learning rate of these numbers, relative to that of the convolutions

	varianceFloor = 1e-8 // of the squared move of which the variance is a multiple: an error of 1e-4
	darkLight     = 1e-3 // added to the light, of at most 1, before its logarithm
)

// Layers of the logarithm of the variance. All but varianceRead add to it.
const (
	varianceMove  = "variance.move"  // sees how far the last move went
	varianceLight = "variance.light" // sees the light on each pixel
	varianceRead  = "variance.read"  // sees the features of the last stage
	varianceWrite = "variance.write"
)

// Pattern sizes of the network: multiples of sizeStep, which divide into squares.
const leastSize, mostSize, sizeStep = 32, 512, 8

// unrolledSize is the largest size of the network that is not above n, or the smallest one.
func unrolledSize(n int) int { return max(leastSize, min(n/sizeStep*sizeStep, mostSize)) }

// validateUnrolled accepts every size of pattern that divides into squares, of one channel.
func validateUnrolled(c Config) error {
	switch size := unrolledSize(c.N); {
	case c.N != size:
		return &badinput.Error{
			Key: "pattern size", Found: fmt.Sprint(c.N),
			Expected: fmt.Sprintf("a multiple of %d from %d to %d", sizeStep, leastSize, mostSize),
			Remedy:   fmt.Sprintf("crop or bin the patterns to %d pixels", size),
		}
	case c.Channels != 1:
		return &badinput.Error{
			Key: "channels", Found: fmt.Sprint(c.Channels), Expected: "1 with network unrolled",
			Remedy: "take --grouping shared, or --network pattern",
		}
	case c.Extent != Full:
		return &badinput.Error{
			Key: "object_extent", Found: string(c.Extent), Expected: "full with network unrolled",
			Remedy: "leave the extent out, or take --network pattern",
		}
	}
	return nil
}

func patternsAndProbe(c Config) []Input {
	image := []int{1, c.N, c.N}
	return append(patternsOnly(c),
		Input{Name: ProbeReInput, Shape: image, Doc: "Real part of the probe, in the unit of the patterns."},
		Input{Name: ProbeImInput, Shape: image, Doc: "Imaginary part of the probe."})
}

// Names of the parameters of a stage.
func stageName(i int, part string) string { return fmt.Sprintf("stage.%d.%s", i, part) }

func unrolledSpecs(c Config) []Spec {
	var specs []Spec
	add := func(layer string, in, out, kernel int, variance bool) {
		specs = append(specs,
			Spec{Name: layer + weightSuffix, Shape: []int{out, in, kernel, kernel}, Variance: variance},
			Spec{Name: layer + biasSuffix, Shape: []int{out}, Variance: variance})
	}
	conv := func(layer string, in, out int) { add(layer, in, out, 3, false) }
	number := func(name string) { specs = append(specs, Spec{Name: name, Shape: []int{1}, Rate: numberRate}) }
	width, pixels := channelWidth*c.FiltersScale, square*square
	conv("light", pixels, width)
	for i := range stages + tail {
		number(stageName(i, "step"))
		number(stageName(i, "floor"))
		if i > 0 {
			number(stageName(i, "momentum"))
		}
		if i < stages {
			conv(stageName(i, "read"), 4*pixels, width)
			conv(stageName(i, "mix.0"), width, width)
			conv(stageName(i, "mix.1"), width, width)
			conv(stageName(i, "write"), width, 2*pixels)
		}
	}
	add(varianceMove, 1, pixels, 3, true)
	add(varianceLight, pixels, pixels, 1, true)
	add(varianceRead, width, pixels, 3, true)
	add(varianceWrite, pixels, pixels, 3, true)
	return specs
}

func startUnrolled(_ Config, params map[string]*Array) {
	for i := range stages + tail {
		for part, value := range map[string]float64{"step": firstStep, "floor": firstFloor, "momentum": firstMomentum} {
			if p := params[stageName(i, part)]; p != nil {
				p.Data[0] = float32(math.Sqrt(value)) // the graph squares it
			}
		}
		if write := params[stageName(i, "write")+weightSuffix]; write != nil {
			for k := range write.Data {
				write.Data[k] *= firstWrite
			}
		}
	}
	move := params[varianceMove+weightSuffix] // the variance begins as the mean of the squared move around a pixel
	for k := range move.Data {
		move.Data[k] = 1 / float32(move.Shape[2]*move.Shape[3])
	}
	clear(params[varianceLight+weightSuffix].Data)
	for k := range params[varianceWrite+weightSuffix].Data {
		params[varianceWrite+weightSuffix].Data[k] *= firstWrite
	}
}

// unrolling is the state from stage to stage; images are (B, 2, N, N), real and imaginary part.
type unrolling struct {
	*builder
	consistency forward.Consistency
	excess      *gorgonia.Node // the object - 1; nil: an empty object
	change      *gorgonia.Node // the last move, with the momentum of those before
	moved       *gorgonia.Node // the last move without it
	features    *gorgonia.Node // (B or 1, F, N/4, N/4)
}

func buildUnrolled(b *builder) *Net {
	probe := Pair{Re: b.inputs[1], Im: b.inputs[2]}
	u := &unrolling{builder: b, consistency: forward.NewConsistency(b.inputs[0], probe)}
	u.features = u.conv("light", ops.SpaceToDepth(u.consistency.Light(), square))
	for i := range stages + tail {
		u.move(i)
		if i < stages {
			u.refine(i)
		}
	}
	object := forward.Unstacked(u.object())
	return &Net{
		Object:      Pair{Re: b.named("object.re", object.Re), Im: b.named("object.im", object.Im)},
		LogVariance: u.logVariance(),
	}
}

// logVariance is that of the object. The last move says how much the pattern still contradicts the object: its square,
// averaged over a square of pixels, is what the variance is a multiple of. The factor depends on the light and on the
// features.
func (u *unrolling) logVariance() *gorgonia.Node {
	move := ops.SpaceToDepth(u.moved, square) // (B, 32, N/4, N/4)
	s, pixels := move.Shape(), float32(square*square)
	squared := ops.Affine(ops.SumTo(ops.Mul(move, move), []int{s[0], 1, s[2], s[3]}), 1/pixels, varianceFloor)
	seen := u.conv(varianceWrite, u.relu(u.conv(varianceRead, u.features)))
	sum := ops.Add(u.conv(varianceMove, ops.Log(squared)), seen)
	lit := ops.Log(ops.Affine(u.consistency.Light(), 1, darkLight))
	light := ops.SpaceToDepth(lit, square) // (B or 1, 16, N/4, N/4)
	return u.named("log_variance", ops.DepthToSpace(ops.Add(sum, u.conv(varianceLight, light)), square))
}

// object is the object, nil as long as it is empty.
func (u *unrolling) object() *gorgonia.Node {
	if u.excess == nil {
		return nil
	}
	parts := forward.Unstacked(u.excess)
	return ops.Concat(ops.Affine(parts.Re, 1, 1), parts.Im)
}

// move makes the object explain its pattern better.
func (u *unrolling) move(i int) {
	step, floor := u.positive(stageName(i, "step")), u.positive(stageName(i, "floor"))
	move := u.named(stageName(i, "move"), u.consistency.Change(u.object(), step, floor))
	u.moved = move
	if u.excess == nil {
		u.change, u.excess = move, move
		return
	}
	u.change = ops.Add(move, ops.Mul(u.change, u.positive(stageName(i, "momentum"))))
	u.excess = ops.Add(u.excess, u.change)
}

// refine lets the convolutions change the object: they see it with the last move and the features of the stage before.
func (u *unrolling) refine(i int) {
	seen := ops.SpaceToDepth(ops.Concat(u.excess, u.change), square) // (B, 64, N/4, N/4)
	x := u.relu(u.named(stageName(i, "seen"), ops.Add(u.conv(stageName(i, "read"), seen), u.features)))
	u.features = ops.Add(x, u.conv(stageName(i, "mix.1"), u.relu(u.conv(stageName(i, "mix.0"), x))))
	u.excess = ops.Add(u.excess, ops.DepthToSpace(u.conv(stageName(i, "write"), u.features), square))
}

// positive is a learned number that stays positive: the square of its parameter.
func (u *unrolling) positive(name string) *gorgonia.Node {
	return u.named(name+".positive", ops.Mul(u.params[name], u.params[name]))
}
