package trainer

import (
	"math"
	"slices"
	"strings"
	"testing"

	"ptyx/internal/base/frame"
	"ptyx/internal/base/ndarray"
	"ptyx/internal/base/testutil"
	"ptyx/internal/physics/optics"
	"ptyx/internal/recon/engine"
	"ptyx/internal/scan/dataset"
	"ptyx/models"
)

// gradientTolerance is what two orders of summation may differ by, relative to the largest gradient of a layer. A
// gradient sums some 10^4 float32 products through 15 layers; rounding (2^-24) grows with the square root of their
// number, 10^-5 in all. Measured: 4e-6.
const gradientTolerance = 3e-5

// variants are the steps that differ in their graph.
func variants() map[string]variant {
	centre := small()

	full := small()
	full.Extent, full.Loss, full.Probe = models.Full, MAE.Loss(), ProbeTrainable
	full.Photons = 1e6 // fewer flatten this loss, and finite differences take longer steps, over more kinks

	shared := small()
	shared.Gridsize, shared.Grouping, shared.BatchSize, shared.Probe = 2, Shared, 4, ProbeTrainable
	shared.Loss = Loss{Poisson: 0.5, MAE: 2, Smoothness: 0.1}

	channels := small()
	channels.Gridsize, channels.Grouping, channels.BatchSize, channels.Extent = 2, Channels, 1, models.Full

	unrolled := full
	unrolled.Network, unrolled.Loss = models.Unrolled, Poisson.Loss()

	probes := shared // of two scans, to a network that takes them
	probes.Network, probes.Extent, probes.BatchSize = models.Unrolled, models.Full, 8

	several := shared
	several.BatchSize = 8 // a group of each scan

	supervised := small()
	supervised.Mode, supervised.Loss, supervised.Extent = Supervised, Loss{MAE: 1, Smoothness: 0.1}, models.Full

	return map[string]variant{
		"centre, Poisson, fixed probe": {centre, 1, false}, "full, MAE, trained probe": {full, 1, false},
		"groups on a canvas, all terms": {shared, 1, true}, "groups as channels": {channels, 1, false},
		"unrolled": {unrolled, 1, false}, "unrolled, two scans on a canvas": {probes, 2, true},
		"two scans on a canvas, all terms, one masked": {several, 2, true},
		"two scans of known truth":                     {supervised, 2, false},
	}
}

// variant is a configuration for a number of scans.
type variant struct {
	Config
	scans int
	slow  bool // several seconds: only with all tests
}

// unsettle moves biases and probe off their start, where biases are 0 and symmetry hides faults.
func unsettle(s *State) {
	for i, p := range s.Parameters {
		if len(p.Shape) == 1 {
			copy(p.Data, testutil.Uniform(uint64(i)+10, -0.1, 0.1, p.Shape...).Data)
		}
	}
	noise := testutil.Uniform(5, -0.2, 0.2, len(s.ProbeRe.Data))
	for i, v := range noise.Data {
		s.ProbeRe.Data[i] *= 1 + v
		s.ProbeIm.Data[i] += v * s.ProbeRe.Data[i]
	}
	s.normaliseProbe()
}

// lit is a scan without dark pixels. Where a pattern is dark the network's layers are flat, the four values of a
// pooling square are equal but for rounding, and rounding picks the one that gets the gradient: another one on each
// engine.
func lit(t *testing.T, count int) *dataset.Scan {
	t.Helper()
	data := simulated(t, count, 1)
	for i, v := range testutil.Uniform(6, 0.5, 1.5, data.Patterns.Shape...).Data {
		data.Patterns.Data[i] += v
	}
	return opened(t, data)
}

// unsettled is a step on the engine, at the same parameters for every engine.
func unsettled(t *testing.T, eng engine.Engine, v variant, replicas int) *bound {
	t.Helper()
	scan := lit(t, 5)
	if v.Network == models.Unrolled {
		// It is shown no pattern, and its corrections of an object that is far from explaining one depend on every
		// rounding.
		scan = opened(t, simulated(t, 5, 1))
	}
	r, _ := request(v.Config, scan, eng)
	for len(r.Scans) < v.scans {
		data := brighter(t, 5)
		for i, light := range testutil.Uniform(6, 0.5, 1.5, data.Patterns.Shape...).Data {
			data.Patterns.Data[i] += light
		}
		r.Scans = append(r.Scans, opened(t, data))
	}
	if v.scans > 1 {
		scan.Measured = halfMeasured(scan.N)
	}
	b := bindRequest(t, r, replicas)
	unsettle(b.state)
	return b
}

// firstGroups fill one step, from all scans by turns.
func (b *bound) firstGroups() []int {
	var groups []int
	d := b.fitter.train
	for turn := 0; len(groups) < b.fitter.samples(); turn++ {
		for scan := range len(b.state.Exposure) {
			nth := turn
			for g, members := range d.Groups {
				if d.Scan[members[0]] != scan {
					continue
				}
				if nth == 0 && len(groups) < b.fitter.samples() {
					groups = append(groups, g)
				}
				nth--
			}
		}
	}
	return groups
}

// layerScale is the largest gradient of the layer that an output belongs to. Weight and bias of a convolution sum the
// same residuals; the bias of the phase's head is nearly a global phase, which the intensity does not see: its gradient
// is a cancellation of them, and only their size says how exact it can be.
func (b *bound) layerScale(grads []*ndarray.Float32, output int) float64 {
	layer := func(i int) string {
		name := b.step.Training.Outputs[i+1].Name
		return name[:strings.LastIndex(name, ".")]
	}
	scale := 0.0
	for i, g := range grads {
		if layer(i) == layer(output) {
			scale = max(scale, largest(g))
		}
	}
	return scale
}

// variance reports whether the gradient is that of a parameter of the variance.
func (b *bound) variance(gradient int) bool {
	specs := b.step.Config.Net.Specs()
	return gradient < len(specs) && specs[gradient].Variance
}

func largest(a *ndarray.Float32) float64 {
	top := 0.0
	for _, v := range a.Data {
		top = max(top, math.Abs(float64(v)))
	}
	return top
}

// gradients are those of the first groups, copied.
func (b *bound) gradients(t *testing.T) (loss float64, grads []*ndarray.Float32) {
	t.Helper()
	loss = b.run(t, b.firstGroups())
	for _, g := range b.fitter.replicas[0].grads {
		grads = append(grads, g.Clone())
	}
	return loss, grads
}

// kinks is how much each gradient changes when the parameters move by a few times their rounding. The loss has kinks:
// where a unit's input is 0 but for rounding, one engine may find it on and the other off, and both are right. Away
// from kinks the change is far below gradientTolerance. Larger changes replace those in change.
func (b *bound) kinks(t *testing.T, grads, change []*ndarray.Float32) {
	t.Helper()
	const moves, size = 8, 4e-6
	var saved []*ndarray.Float32
	for _, p := range b.state.Parameters {
		saved = append(saved, p.Clone())
	}
	for move := range uint64(moves) {
		for i, p := range b.state.Parameters {
			for k, v := range testutil.Uniform(100*move+uint64(i), -size, size, p.Shape...).Data {
				p.Data[k] = saved[i].Data[k] * (1 + v)
			}
		}
		_, moved := b.gradients(t)
		for i, g := range grads {
			for k, v := range moved[i].Data {
				change[i].Data[k] = max(change[i].Data[k], float32(math.Abs(float64(v-g.Data[k]))))
			}
		}
	}
	for i, p := range saved {
		copy(b.state.Parameters[i].Data, p.Data)
	}
}

// disagreement is the worst excess of |got - want| over the tolerance tol and the allowance, which may be nil; 0 or
// less is agreement, NaN never is.
func disagreement(got, want, allowance *ndarray.Float32, tol float64) float64 {
	worst := math.Inf(-1)
	for k, v := range got.Data {
		excess := math.Abs(float64(v)-float64(want.Data[k])) - tol
		if allowance != nil {
			excess -= 1.5 * float64(allowance.Data[k])
		}
		if !(excess <= worst) {
			worst = excess
		}
		if math.IsNaN(worst) {
			break
		}
	}
	return worst
}

func TestEnginesAgreeOnLossAndGradients(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	for name, c := range variants() {
		t.Run(name, func(t *testing.T) {
			if c.Network == models.Unrolled && c.slow {
				testutil.Slow(t)
			}
			t.Parallel()
			reference, other := unsettled(t, engine.Tape{}, c, 1), unsettled(t, ort, c, 1)
			wantLoss, want := reference.gradients(t)
			gotLoss, got := other.gradients(t)
			// A loss is one sum of N^2 terms, taken pairwise or in order: a few times 2^-24, of terms of about 1.
			if !testutil.Close(gotLoss, wantLoss, 1e-7, 1e-6) {
				t.Errorf("loss %v, want %v", gotLoss, wantLoss)
			}
			if trained := len(reference.state.parameters(c.Probe == ProbeTrainable)); len(want) != trained {
				t.Fatalf("%d gradients for %d trained arrays", len(want), trained)
			}
			var kinks []*ndarray.Float32
			for i := range want {
				what := reference.step.Training.Outputs[i+1].Name
				scale := reference.layerScale(want, i)
				if reference.variance(i) && reference.step.Config.Canvas == 0 {
					if scale != 0 {
						t.Errorf("%s: the variance has a gradient without overlap", what)
					}
					continue
				}
				if !(scale > 0) {
					t.Errorf("%s: the layer has no gradient", what)
				}
				if disagreement(got[i], want[i], nil, gradientTolerance*scale) <= 0 {
					continue
				}
				if kinks == nil { // each engine may be on the side of a kink that the other's moves do not reach
					for _, g := range want {
						kinks = append(kinks, ndarray.New[float32](g.Shape...))
					}
					reference.kinks(t, want, kinks)
					other.kinks(t, got, kinks)
				}
				if excess := disagreement(got[i], want[i], kinks[i], gradientTolerance*scale); !(excess <= 0) {
					t.Errorf("%s: off by %g beyond tolerance and kinks; the layer's largest gradient is %g", what,
						excess, scale)
				}
			}
		})
	}
}

// TestEnginesAgreeOverFiveSteps: two optimisers on two engines go the same way. Adam divides each gradient by its own
// size, so an element whose gradient is all rounding may go elsewhere at full speed, and kinks (above) part the ways:
// over seeds, losses agree to 5e-7 and movements to 10^-4 of their length without a kink, to 6e-5 and 0.09 with one in
// the first step. Five steps lower the loss by 1.5 to 10%.
func TestEnginesAgreeOverFiveSteps(t *testing.T) {
	t.Parallel()
	const lossTolerance, movementTolerance, rate = 5e-4, 0.2, 1e-4
	ort := fast(t, 1)
	for _, name := range []string{"centre, Poisson, fixed probe", "groups on a canvas, all terms"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := variants()[name]
			reference, other := unsettled(t, engine.Tape{}, c, 1), unsettled(t, ort, c, 1)
			start := flatten(reference.state.parameters(true))
			first, last := 0.0, 0.0
			for step := range 5 {
				want, err := reference.fitter.update(reference.fitter.train, reference.firstGroups(),
					reference.fitter.rates(2, rate))
				if err != nil {
					t.Fatal(err)
				}
				got, err := other.fitter.update(other.fitter.train, other.firstGroups(), other.fitter.rates(2, rate))
				if err != nil {
					t.Fatal(err)
				}
				if !testutil.Close(got, want, 0, lossTolerance) {
					t.Errorf("step %d: loss %v, want %v", step+1, got, want)
				}
				if step == 0 {
					first = want
				}
				last = want
			}
			if !(last < 0.99*first) {
				t.Errorf("five steps took the loss from %v to %v", first, last)
			}
			want, got := flatten(reference.state.parameters(true)), flatten(other.state.parameters(true))
			apart, moved := 0.0, 0.0
			for i := range start {
				apart += math.Pow(float64(got[i])-float64(want[i]), 2)
				moved += math.Pow(float64(want[i])-float64(start[i]), 2)
			}
			if !(math.Sqrt(apart/moved) <= movementTolerance) {
				t.Errorf("the parameters end %g apart after moving by %g", math.Sqrt(apart), math.Sqrt(moved))
			}
		})
	}
}

// TestGradientsByFiniteDifferences walks along the gradient of one array at a time. The change of the loss is the sum
// of the gradients on the way, over curvature and kinks too. The walk changes the loss by 10^-4. The rounding of the
// loss, 2^-24 of 0.6, is then 0.1% of the slope, and kinks between the points of the sum do the rest. Measured: 2.1%,
// mostly 0.2%. A network that starts as a solver has little to gain by any single array, less than rounding hides.
// There the walk takes all arrays together.
func TestGradientsByFiniteDifferences(t *testing.T) {
	t.Parallel()
	ort := fast(t, 1)
	for name, c := range variants() {
		t.Run(name, func(t *testing.T) {
			if c.slow {
				testutil.Slow(t)
			}
			t.Parallel()
			b := unsettled(t, ort, c, 1)
			_, grads := b.gradients(t)
			var all []int
			for i := range grads {
				if !b.variance(i) { // these minimise another loss
					all = append(all, i)
				}
			}
			if c.Network == models.Unrolled {
				b.checkSlope(t, "all arrays", all, grads)
				return
			}
			for _, i := range all {
				if what := b.step.Training.Outputs[i+1].Name; chosen(what, c.slow) {
					b.checkSlope(t, what, []int{i}, grads)
				}
			}
		})
	}
}

// checkSlope compares the slope of the loss along the gradient of some of the trained arrays with the mean of their
// gradients on that way.
func (b *bound) checkSlope(t *testing.T, what string, arrays []int, grads []*ndarray.Float32) {
	t.Helper()
	const change, tolerance, points = 1e-4, 0.03, 8
	const longest = 0.005 // a tenth of a weight
	trained := b.state.parameters(true)
	square := 0.0
	saved := map[int]*ndarray.Float32{}
	for _, i := range arrays {
		square += sumSquares(grads[i].Data)
		saved[i] = trained[i].Clone()
	}
	norm := math.Sqrt(square)
	walk := func(way float64) {
		for _, i := range arrays {
			for k, g := range grads[i].Data {
				trained[i].Data[k] = saved[i].Data[k] + float32(way*float64(g)/norm)
			}
		}
	}
	length := min(change/norm/2, longest)
	walk(length)
	above := b.run(t, b.firstGroups())
	walk(-length)
	slope, mean := (above-b.run(t, b.firstGroups()))/(2*length), 0.0
	for k := range points {
		walk(length * float64(2*k+1-points) / points)
		_, here := b.gradients(t)
		for _, i := range arrays {
			for j, g := range here[i].Data {
				mean += float64(g) * float64(grads[i].Data[j]) / norm / points
			}
		}
	}
	walk(0)
	if !testutil.Close(slope, mean, 0, tolerance) {
		t.Errorf("%s: slope %g, mean gradient %g", what, slope, mean)
	}
}

// chosen are the probe and arrays from every part of the network. Of a slow variant, which differs from the others
// behind the network, they are arrays of its first and last layers.
func chosen(output string, slow bool) bool {
	names := []string{
		"encoder.0.conv.0.weight", "amplitude.head.bias", "phase.head.weight", "probe.re", "probe.im",
	}
	if !slow {
		names = append(names, "encoder.1.conv.1.bias", "encoder.2.conv.1.weight", "amplitude.0.conv.0.weight",
			"phase.1.conv.1.weight")
	}
	return slices.Contains(names, strings.TrimPrefix(output, "grad."))
}

// TestLossAgainstThePhysics: a network of zeros says that nothing is there (amplitude 1, phase 0), so the loss compares
// the measured patterns with the shifted probe's own, computed here in float64 by the fast transform.
func TestLossAgainstThePhysics(t *testing.T) {
	t.Parallel()
	const n, photons = 64, 1e6
	ort := fast(t, 1)
	data := simulated(t, 4, 1)
	scan := opened(t, data)
	power, err := scan.MeanPower()
	if err != nil {
		t.Fatal(err)
	}
	re, im := scaledProbes(scans{scan}.probes(), []float64{1})
	probe := probesInCounts(re, im, n*n)[0] // power N^2
	ways := []struct {
		gridsize int
		masked   bool
	}{{1, false}, {2, false}, {1, true}, {2, true}}
	// The smoothness of an object without structure is 0.
	for _, loss := range []Loss{Poisson.Loss(), MAE.Loss(), {Poisson: 0.5, MAE: 3, Smoothness: 10}} {
		for _, way := range ways {
			gridsize := way.gridsize
			if scan.Measured = nil; way.masked {
				scan.Measured = halfMeasured(n)
			}
			c := small()
			c.Loss, c.Gridsize, c.BatchSize, c.Extent, c.Photons = loss, gridsize, 4, models.Full, photons
			b := bind(t, ort, c, scan, 1)
			for _, p := range b.state.Parameters {
				clear(p.Data)
			}
			r, _ := request(c, scan, ort)
			eps := r.Config.Floor
			want := 0.0
			propagator := optics.NewPropagator(n)
			for j := range data.X { // a step is the four patterns, or the group of all four
				wave := optics.ExitWave(optics.ShiftProbe(probe, frame.Fraction(data.Y[j]), frame.Fraction(data.X[j])),
					ones(n))
				model, measured := make([]float64, n*n), make([]float64, n*n)
				propagator.Intensity(wave, model)
				for i := range measured { // in units of the mean intensity
					measured[i] = math.Pow(float64(data.Patterns.Data[j*n*n+i]), 2) * n * n / power
				}
				model, measured = ofMeasured(scan, model), ofMeasured(scan, measured)
				want += (loss.Poisson*poissonLoss(model, measured, eps) +
					loss.MAE*amplitudeLoss(model, measured, 0.375*n*n/photons)) / float64(len(data.X))
			}
			// The matrix transform in float32 rounds amplitudes to 2^-24 of the brightest, some 10^-5 of the mean one.
			if got := b.run(t, b.firstGroups()); !testutil.Close(got, want, 0, 1e-4) {
				t.Errorf("%s, gridsize %d, masked %v: loss %v, want %v", loss, gridsize, way.masked, got, want)
			}
		}
	}
}

// ones is an empty object.
func ones(n int) *ndarray.Complex64 {
	o := ndarray.New[complex64](n, n)
	for i := range o.Data {
		o.Data[i] = 1
	}
	return o
}

// halfMeasured is a mask with a hole in the middle of the pattern, where all its light is, and every third pixel gone
// elsewhere.
func halfMeasured(n int) []bool {
	out := make([]bool, n*n)
	for i := range out {
		hole := max(i/n-n/2, n/2-i/n, i%n-n/2, n/2-i%n) < 3
		out[i] = !hole && i%3 != 0
	}
	return out
}

// ofMeasured are the values of an image where its scan was measured.
func ofMeasured(scan *dataset.Scan, image []float64) (values []float64) {
	for i, v := range image {
		if scan.Measured == nil || scan.Measured[i] {
			values = append(values, v)
		}
	}
	return values
}
