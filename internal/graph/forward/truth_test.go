package forward_test

import (
	"math"
	"testing"

	"gorgonia.org/gorgonia"

	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/graph/forward"
	"ptyx/internal/graph/ops"
	"ptyx/internal/graph/program"
)

// patches are a prediction and a truth, of which some pixels are black and some not known.
type patches struct{ amplitude, phase, trueAmplitude, truePhase, share, weight *ndarray.Float32 }

func somePatches() patches {
	p := patches{
		testutil.Uniform(80, 0.2, 1.5, 3, 1, n, n), testutil.Uniform(81, -3, 3, 3, 1, n, n),
		testutil.Uniform(82, 0.2, 1.5, 3, 1, n, n), testutil.Uniform(83, -3, 3, 3, 1, n, n),
		testutil.Uniform(84, 0, 0.1, 3, 1, n, n), ndarray.Wrap([]float32{0.5, 0.2, 0.3}, 3, 1, 1, 1),
	}
	for i := 0; i < len(p.share.Data); i += 7 {
		p.trueAmplitude.Data[i], p.share.Data[(i+3)%len(p.share.Data)] = 0, 0
	}
	return p
}

// nodes are the error's graph and its leaves, the prediction.
func (p patches) nodes(b *bench) (loss *gorgonia.Node, leaves []*gorgonia.Node) {
	b.t.Helper()
	re, im := ndarray.New[float32](p.truePhase.Shape...), ndarray.New[float32](p.truePhase.Shape...)
	for i, v := range p.truePhase.Data {
		if p.trueAmplitude.Data[i] > 0 {
			re.Data[i], im.Data[i] = float32(math.Cos(float64(v))), float32(math.Sin(float64(v)))
		}
	}
	leaves = []*gorgonia.Node{b.feed(p.amplitude), b.feed(p.phase)}
	truth := forward.Truth{Amplitude: b.feed(p.trueAmplitude), Phase: b.feedPair(parts{re, im}), Share: b.feed(p.share)}
	factor := forward.Pair{Re: ops.Cos(leaves[1]), Im: ops.Sin(leaves[1])}
	return forward.TruthMAE(leaves[0], factor, truth, b.feed(p.weight)), leaves
}

// plain is the error in float64: the chord between two phases is 2 sin of half the angle.
func (p patches) plain() float64 {
	loss := 0.0
	for i, s := range p.share.Data {
		chord := 1.0 // from the origin, where the truth is black
		if p.trueAmplitude.Data[i] > 0 {
			chord = 2 * math.Sin((float64(p.phase.Data[i])-float64(p.truePhase.Data[i]))/2)
		}
		apart := math.Abs(float64(p.amplitude.Data[i])-float64(p.trueAmplitude.Data[i])) +
			math.Hypot(chord, forward.PhaseFloor) - forward.PhaseFloor
		loss += float64(p.weight.Data[i/(n*n)]) * float64(s) * apart
	}
	return loss
}

// bend reports whether amplitude (0) or phase (1) of an element is so close to the truth that the error's slope turns
// round within a few difference steps.
func (p patches) bend(which, element int) bool {
	if which == 0 {
		return math.Abs(float64(p.amplitude.Data[element]-p.trueAmplitude.Data[element])) <= 2*differenceStep
	}
	return p.trueAmplitude.Data[element] > 0 &&
		math.Abs(math.Sin(float64(p.phase.Data[element]-p.truePhase.Data[element])/2)) <= 10*differenceStep
}

func TestErrorAgainstTheTruthAndItsGradient(t *testing.T) {
	p := somePatches()
	b := newBench(t)
	loss, leaves := p.nodes(b)
	grads := program.Gradients(loss, leaves)
	got := b.compute(append([]*gorgonia.Node{loss}, grads...)...)
	if want := p.plain(); !testutil.Close(float64(got[0].Data[0]), want, 0, tolerance) {
		t.Errorf("error %g, plain Go %g", got[0].Data[0], want)
	}
	for i, a := range []*ndarray.Float32{p.amplitude, p.phase} {
		smooth := func(e int) bool { return !p.bend(i, e) }
		checkSlopes(t, []string{"amplitude", "phase"}[i], got[1+i], a, smooth, p.plain)
	}
}

// TestErrorIgnoresWholeTurnsAndPhasesOfBlack: the error does not see whole turns of the phase, nor the phase where the
// truth is black.
func TestErrorIgnoresWholeTurnsAndPhasesOfBlack(t *testing.T) {
	p := somePatches()
	value := func() float64 {
		b := newBench(t)
		loss, _ := p.nodes(b)
		return float64(b.compute(loss)[0].Data[0])
	}
	before := value()
	for i := range p.phase.Data {
		switch {
		case p.trueAmplitude.Data[i] == 0:
			p.phase.Data[i] = 2
		case i%2 == 0:
			p.phase.Data[i] += 2 * math.Pi
		default:
			p.truePhase.Data[i] -= 2 * math.Pi
		}
	}
	// A whole turn is rounded to 2^-22 in the phase.
	if after := value(); !testutil.Close(after, before, 0, 1e-6) {
		t.Errorf("the error was %v and became %v", before, after)
	}
}
