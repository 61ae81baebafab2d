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
	firstReadRate = 2   // likewise of the first stage's weights that read the image, in place of two for the same image

	varianceFloor = 1e-8 // of the squared move of which the variance is a multiple: an error of 1e-4
)

// Layers of the logarithm of the variance.
const (
	varianceMove  = "variance.move" // sees how far the last move went
	varianceRead  = "variance.read" // sees the features of the last stage
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

// floorName is the floor of the moves of all stages.
const floorName = "floor"

// Names of the parameters of a stage.
func stageName(i int, part string) string { return fmt.Sprintf("stage.%d.%s", i, part) }

func unrolledSpecs(c Config) []Spec {
	var specs []Spec
	add := func(layer string, in, out int, variance bool) {
		specs = append(specs,
			Spec{Name: layer + weightSuffix, Shape: []int{out, in, 3, 3}, Variance: variance},
			Spec{Name: layer + biasSuffix, Shape: []int{out}, Variance: variance})
	}
	conv := func(layer string, in, out int) { add(layer, in, out, false) }
	number := func(name string) { specs = append(specs, Spec{Name: name, Shape: []int{1}, Rate: numberRate}) }
	width, pixels := channelWidth*c.FiltersScale, square*square
	conv("light", pixels, width)
	number(floorName)
	for i := range stages + tail {
		number(stageName(i, "step"))
		seen := 2 * pixels // the first stage reads one image that is both the object and its last move
		if i > 0 {
			number(stageName(i, "momentum"))
			seen = 4 * pixels
		}
		if i < stages {
			conv(stageName(i, "read"), seen, width)
			if i == 0 {
				specs[len(specs)-2].Rate = firstReadRate
			}
			conv(stageName(i, "mix.0"), width, width)
			conv(stageName(i, "mix.1"), width, width)
			conv(stageName(i, "write"), width, 2*pixels)
		}
	}
	add(varianceMove, 1, pixels, true)
	add(varianceRead, width, pixels, true)
	add(varianceWrite, pixels, pixels, true)
	return specs
}

func startUnrolled(_ Config, params map[string]*Array) {
	params[floorName].Data[0] = float32(math.Sqrt(firstFloor)) // the graph squares it
	for i := range stages + tail {
		for part, value := range map[string]float64{"step": firstStep, "momentum": firstMomentum} {
			if p := params[stageName(i, part)]; p != nil {
				p.Data[0] = float32(math.Sqrt(value))
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
	middle      []Pair         // the object after each of the stages with convolutions
}

func buildUnrolled(b *builder) *Net {
	probe := Pair{Re: b.inputs[1], Im: b.inputs[2]}
	u := &unrolling{builder: b}
	u.consistency = forward.NewConsistency(b.inputs[0], probe, u.positive(floorName))
	u.features = u.conv("light", ops.SpaceToDepth(u.consistency.Light(), square))
	for i := range stages + tail {
		u.move(i)
		if i < stages {
			u.refine(i)
			u.middle = append(u.middle, u.object())
		}
	}
	object := u.object()
	return &Net{
		Object:      Pair{Re: b.named("object.re", object.Re), Im: b.named("object.im", object.Im)},
		LogVariance: u.logVariance(), Middle: u.middle,
	}
}

// object is the object so far.
func (u *unrolling) object() Pair {
	excess := forward.Unstacked(u.excess)
	return Pair{Re: ops.Affine(excess.Re, 1, 1), Im: excess.Im}
}

// logVariance is that of the object. The last move says how much the pattern still contradicts the object: its square,
// averaged over a square of pixels, is what the variance is a multiple of. The factor depends on the features.
func (u *unrolling) logVariance() *gorgonia.Node {
	move := ops.SpaceToDepth(u.moved, square) // (B, 32, N/4, N/4)
	squared := ops.Affine(sumOfChannels(ops.Mul(move, move)), 1/float32(square*square), varianceFloor)
	factor := u.conv(varianceWrite, u.relu(u.conv(varianceRead, u.features)))
	sum := ops.Add(u.conv(varianceMove, ops.Log(squared)), factor) // (B, 16, N/4, N/4)
	return u.named("log_variance", ops.DepthToSpace(sum, square))
}

// sumOfChannels is x (B, C, H, W) summed over its channels, a power of 2: (B, 1, H, W). It adds one half to the other
// until one is left: ONNX Runtime's own sum has another order for one image than for several.
func sumOfChannels(x *gorgonia.Node) *gorgonia.Node {
	for left := x.Shape()[1] / 2; left > 0; left /= 2 {
		x = ops.Add(ops.Channels(x, 0, left), ops.Channels(x, left, 2*left))
	}
	return x
}

// move makes the object explain its pattern better.
func (u *unrolling) move(i int) {
	move := u.named(stageName(i, "move"), u.consistency.Change(u.excess, u.positive(stageName(i, "step"))))
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
	images := u.excess
	if i > 0 {
		images = ops.Concat(u.excess, u.change)
	}
	seen := ops.SpaceToDepth(images, square) // (B, 64, N/4, N/4), in the first stage half as many channels
	x := u.relu(u.named(stageName(i, "seen"), ops.Add(u.conv(stageName(i, "read"), seen), u.features)))
	u.features = ops.Add(x, u.conv(stageName(i, "mix.1"), u.relu(u.conv(stageName(i, "mix.0"), x))))
	u.excess = ops.Add(u.excess, ops.DepthToSpace(u.conv(stageName(i, "write"), u.features), square))
}

// positive is a learned number that stays positive: the square of its parameter.
func (u *unrolling) positive(name string) *gorgonia.Node {
	return u.named(name+".positive", ops.Mul(u.params[name], u.params[name]))
}
