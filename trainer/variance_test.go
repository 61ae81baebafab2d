package trainer

import (
	"math"
	"slices"
	"testing"

	"ptyx/internal/base/testutil"
	"ptyx/models"
)

// unrolledNetwork is a configuration of the network that knows its variance.
func unrolledNetwork() Config {
	c := small()
	c.Network, c.Extent, c.Probe, c.BatchSize = models.Unrolled, models.Full, ProbeTrainable, 4
	return c
}

// The variance learns in every mode that knows errors, and what the object learns does not depend on it.
func TestTheVarianceDoesNotMoveTheObject(t *testing.T) {
	t.Parallel()
	overlapping, alone, supervised := unrolledNetwork(), unrolledNetwork(), unrolledNetwork()
	overlapping.Gridsize = 2
	supervised.Mode, supervised.Loss, supervised.Probe = Supervised, MAE.Loss(), ProbeFixed
	for name, c := range map[string]struct {
		Config
		learns bool
	}{"overlap": {overlapping, true}, "single patterns": {alone, false}, "truth": {supervised, true}} {
		t.Run(name, func(t *testing.T) {
			b := bind(t, fast(t, 1), c.Config, opened(t, simulated(t, 5, 1)), 1)
			loss, before := b.gradients(t)
			for i, s := range b.step.Config.Net.Specs() {
				if s.Variance {
					copy(b.state.Parameters[i].Data, testutil.Uniform(uint64(i), -0.3, 0.3, s.Shape...).Data)
				}
			}
			lossAfter, after := b.gradients(t)
			if lossAfter != loss {
				t.Errorf("the loss was %v and is %v", loss, lossAfter)
			}
			for i := range before {
				name, same := b.step.Training.Outputs[i+1].Name, slices.Equal(before[i].Data, after[i].Data)
				switch {
				case !b.variance(i) && !same:
					t.Errorf("%s depends on the variance", name)
				case b.variance(i) && c.learns == same:
					t.Errorf("%s: learns %v, want %v", name, !same, c.learns)
				case b.variance(i) && !c.learns && largest(after[i]) != 0:
					t.Errorf("%s is not 0", name)
				}
			}
		})
	}
}

// TestTheVarianceFitsTheDisagreement trains the variance alone. Where overlapping patches disagree, their squared
// distance from the mean is then what the variance says: the likelihood's slope along a common factor is 0.
func TestTheVarianceFitsTheDisagreement(t *testing.T) {
	t.Parallel()
	c := unrolledNetwork()
	c.Gridsize = 2
	b := bind(t, fast(t, 1), c, opened(t, simulated(t, 5, 1)), 1)
	specs := b.step.Config.Net.Specs()
	bias := slices.IndexFunc(specs, func(s models.Spec) bool { return s.Name == "variance.write.bias" })
	rates := make([]float64, len(b.step.Training.Outputs)-1)
	for i := range rates {
		if b.variance(i) {
			rates[i] = 0.04
		}
	}
	slope := func() float64 { // of the loss by the logarithm of the variance, over all pixels
		sum := 0.0
		for _, g := range b.fitter.replicas[0].grads[bias].Data {
			sum += float64(g)
		}
		return sum
	}
	first := 0.0
	for step := range 120 {
		if _, err := b.fitter.update(b.fitter.train, b.firstGroups(), rates); err != nil {
			t.Fatal(err)
		}
		if step == 0 {
			first = math.Abs(slope())
		}
	}
	if last := math.Abs(slope()); !(last < 0.05*first) {
		t.Errorf("the slope is %g after the training and %g before", last, first)
	}
}
